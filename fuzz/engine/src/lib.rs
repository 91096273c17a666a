//! Empty: this package exists to build libFuzzer apart from the others.
