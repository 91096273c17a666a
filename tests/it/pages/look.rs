//! The sample pages as files, for a look with a browser.

use std::fs;
use std::path::Path;

use countersign::web::assets;

use super::sample_pages::sample_pages;

/// Writes every sample page, with the style beside it, to `target/tmp/pages/`: run
/// `cargo test --test it -- pages::look` and open the files there.
#[test]
fn every_page_is_written_to_a_file() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages");
    fs::create_dir_all(&folder).unwrap();
    for href in [assets::style_href(""), assets::favicon_href("")] {
        let name = href.trim_start_matches("/assets/");
        fs::write(folder.join(name), assets::find(name).unwrap().bytes).unwrap();
    }
    for (name, html) in sample_pages() {
        // Opened from a folder, the addresses must be relative, and the stop must not move on.
        let html = html.replace("\"/id/assets/", "\"").replace("http-equiv=\"refresh\"", "name=\"refresh\"");
        let file = folder.join(format!("{name}.html"));
        fs::write(&file, html).unwrap();
        assert!(fs::metadata(&file).unwrap().len() > 0, "{}", file.display());
    }
}
