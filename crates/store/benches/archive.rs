//! Archive.
fn main() {}
