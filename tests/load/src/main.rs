//! `load`: the same work against several servers in one run.

fn main() {}
