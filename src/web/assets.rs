//! The static files of the pages. They are part of the binary, and each has its hash in its name: browsers may cache
//! them for ever, and a new release has new names.

use std::sync::LazyLock;

use data_encoding::HEXLOWER;

use crate::secret::sha256;

static STYLE: LazyLock<Hashed> = LazyLock::new(|| {
    Hashed::new("style", "css", "text/css; charset=utf-8", include_bytes!("../../templates/assets/style.css"))
});
static PASSWORD_SCRIPT: LazyLock<Hashed> = LazyLock::new(|| {
    let bytes = include_bytes!("../../templates/assets/password.js");
    Hashed::new("password", "js", "text/javascript; charset=utf-8", bytes)
});
static FAVICON: LazyLock<Hashed> = LazyLock::new(|| {
    Hashed::new("favicon", "svg", "image/svg+xml", include_bytes!("../../templates/assets/favicon.svg"))
});

/// A file as it is sent.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    /// The bytes of the body.
    pub bytes: &'static [u8],
    /// The value of the `Content-Type` header.
    pub content_type: &'static str,
}

/// Answers the address of the style sheet below the issuer's path.
pub fn style_href(base: &str) -> String {
    STYLE.href(base)
}

/// Answers the address of the sign-in page's script below the issuer's path.
pub fn password_script_href(base: &str) -> String {
    PASSWORD_SCRIPT.href(base)
}

/// Answers the address of the icon below the issuer's path.
pub fn favicon_href(base: &str) -> String {
    FAVICON.href(base)
}

/// Finds a file by the last part of its address. Only the name with the present hash is known.
pub fn find(file_name: &str) -> Option<Asset> {
    [&STYLE, &PASSWORD_SCRIPT, &FAVICON]
        .into_iter()
        .find(|file| file.name == file_name)
        .map(|file| file.asset)
}

/// Names a file by its content.
pub fn hashed_name(stem: &str, extension: &str, bytes: &[u8]) -> String {
    let mut hash = HEXLOWER.encode(&sha256(bytes));
    hash.truncate(16);
    format!("{stem}-{hash}.{extension}")
}

struct Hashed {
    name: String,
    asset: Asset,
}

impl Hashed {
    fn new(stem: &str, extension: &str, content_type: &'static str, bytes: &'static [u8]) -> Self {
        Self { name: hashed_name(stem, extension, bytes), asset: Asset { bytes, content_type } }
    }

    fn href(&self, base: &str) -> String {
        format!("{base}/assets/{}", self.name)
    }
}
