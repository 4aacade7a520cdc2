//! The `ottla` binary: reads the command and hands over to `cli`; nothing else.

fn main() {}
