//! Private folders and files.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// Makes an empty file of mode 0600 and its folder; does not change an existing file.
pub fn make_private_file(path: &Path) -> io::Result<()> {
    make_private_folder(path.parent().unwrap_or(Path::new(".")))?;
    OpenOptions::new().append(true).create(true).mode(0o600).open(path).map(|_file| ())
}

/// Makes a folder of mode 0700; does not change an existing folder.
pub fn make_private_folder(folder: &Path) -> io::Result<()> {
    if folder.as_os_str().is_empty() || folder.exists() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}
