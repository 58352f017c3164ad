//! The wire: XML and stanzas, streams, SASL and stream management, without I/O.

pub mod condition;
pub mod iq;
pub mod ns;
pub mod sasl;
pub mod sm;
pub mod stream;
pub mod xep;
pub mod xml;
