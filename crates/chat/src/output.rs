//! What a connection wants from the owner of its socket.

use bytes::Bytes;

/// What the owner of the socket is to do.
#[derive(Debug)]
pub enum Output {
    /// Write these bytes: one element, or one run of them; one WebSocket frame.
    Send(Bytes),
    /// Start TLS, drop what was received in clear, and call `tls_established` of the connection.
    StartTls,
    /// Write what is before, then close, and give the connection to `cut`.
    Close,
}
