//! Writes every sample page to a folder, for a look with a browser: `cargo run --example pages -- FOLDER`.
#![expect(clippy::expect_used, reason = "a tool for the developer's own machine")]

#[path = "../tests/support/sample_pages.rs"]
mod sample_pages;

use std::fs;
use std::path::PathBuf;

use countersign::web::assets;

fn main() -> std::io::Result<()> {
    let folder: PathBuf = std::env::args_os().nth(1).expect("usage: pages FOLDER").into();
    fs::create_dir_all(&folder)?;
    for href in [assets::style_href(""), assets::favicon_href("")] {
        let name = href.trim_start_matches("/assets/");
        let asset = assets::find(name).expect("the file that is linked exists");
        fs::write(folder.join(name), asset.bytes)?;
    }
    for (name, html) in sample_pages::sample_pages() {
        // Opened from a folder, the addresses must be relative, and the stop must not move on.
        let html = html.replace("\"/id/assets/", "\"").replace("http-equiv=\"refresh\"", "name=\"refresh\"");
        fs::write(folder.join(format!("{name}.html")), html)?;
    }
    Ok(())
}
