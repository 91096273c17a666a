//! Runs every kept input, and a few that no corpus has, through its target: faults that the fuzzer found stay
//! repaired, on any machine and without the fuzzer.

use std::fs;
use std::path::Path;

use countersign_fuzz::TARGETS;

#[test]
fn every_kept_input_holds() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (name, target) in TARGETS {
        let mut files: Vec<_> =
            fs::read_dir(corpus.join(name)).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        assert!(files.len() > 2, "{name} has no seeds");
        for file in files {
            println!("{}", file.display());
            target(&fs::read(&file).unwrap());
        }
        for input in [&b""[..], b"\n", b"\0", b"\xFF\n\xFF\n\xFF\n\xFF\n\xFF", &[b'\n'; 70], &[b'a'; 5000]] {
            target(input);
        }
    }
}
