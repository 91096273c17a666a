//! The program that libFuzzer drives: libFuzzer has `main`, this file calls the target that `FUZZ_TARGET`
//! names.

#![no_main]

use std::sync::OnceLock;

use countersign_fuzz::{Target, target};

static CHOSEN: OnceLock<Target> = OnceLock::new();

/// Called once, before the first input.
///
/// Spec: libFuzzer, "Startup initialization"
#[expect(unsafe_code, reason = "libFuzzer calls this by its name")]
#[unsafe(no_mangle)]
pub extern "C" fn LLVMFuzzerInitialize(_argc: *const i32, _argv: *const *const *const u8) -> i32 {
    let told = std::panic::take_hook();
    // libFuzzer keeps the input of a process that is killed by a signal.
    std::panic::set_hook(Box::new(move |panic| {
        told(panic);
        std::process::abort();
    }));
    #[expect(clippy::disallowed_methods, reason = "libFuzzer owns the command line")]
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let found = target(&name).expect("FUZZ_TARGET must name a target");
    CHOSEN.get_or_init(|| found);
    0
}

/// Called with every input.
///
/// # Safety
///
/// `data` must point to `len` bytes.
///
/// Spec: libFuzzer, "Fuzz Target"
#[expect(unsafe_code, reason = "libFuzzer hands over a pointer and a length")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn LLVMFuzzerTestOneInput(data: *const u8, len: usize) -> i32 {
    // An empty input may come as a null pointer.
    let input = if len == 0 { &[] } else { unsafe { std::slice::from_raw_parts(data, len) } };
    CHOSEN.get().expect("a target was chosen")(input);
    0
}
