//! The wire: XML and stanzas, streams, SASL and stream management, without I/O.
