//! The messenger: sessions, router, modules and delivery, without sockets.
