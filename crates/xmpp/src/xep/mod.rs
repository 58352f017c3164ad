//! The payloads of the XEPs: one file each, types to and from XML.
