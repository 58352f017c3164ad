//! The test kit: scenario scripts of several parties, a virtual clock, and the parties themselves.
