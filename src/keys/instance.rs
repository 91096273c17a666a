//! The instance key: 32 bytes that open everything sealed in the database, and are never stored in it.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;

use super::KeyError;
use crate::secret::{Key, MacKeys, base64url, from_base64url, sha256};

/// The name of the file in the keys directory.
pub const FILE: &str = "instance.key";

/// The configured instance keys: the first one seals, all of them open.
pub struct InstanceKeys(Vec<InstanceKey>);

/// One instance key with its public identifier.
pub struct InstanceKey {
    /// Identifies the key: the first eight bytes of a hash of it.
    pub id: [u8; 8],
    pub(super) key: Key,
}

/// Where the instance key comes from.
#[derive(Clone, Debug)]
pub enum Source {
    /// Given in the environment or the configuration itself.
    Given(Given),
    /// A file.
    File {
        /// Its path.
        path: PathBuf,
        /// Whether a missing file may be made: the default one, beside an empty embedded database.
        may_create: bool,
    },
}

/// An instance key as text. Its `Debug` form does not contain it.
#[derive(Clone)]
pub struct Given(pub String);

impl std::fmt::Debug for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(an instance key)")
    }
}

impl InstanceKeys {
    /// Reads the keys of a source; `None` when its file does not exist.
    pub fn read(source: &Source) -> Result<Option<InstanceKeys>, KeyError> {
        match source {
            Source::Given(Given(text)) => InstanceKeys::parse(text, "the configured instance key").map(Some),
            Source::File { path, .. } => {
                let Ok(metadata) = fs::metadata(path) else { return Ok(None) };
                let mode = metadata.permissions().mode() & 0o777;
                if mode & 0o077 != 0 {
                    return Err(KeyError::Instance(format!(
                        "{} can be read by others (mode {mode:03o}); run: chmod 600 {}",
                        path.display(),
                        path.display()
                    )));
                }
                let text = fs::read_to_string(path).map_err(|error| {
                    KeyError::Instance(format!("{} cannot be read: {error}", path.display()))
                })?;
                InstanceKeys::parse(&text, &path.display().to_string()).map(Some)
            }
        }
    }

    /// Parses keys of 43 characters of base64url, separated by white space or commas; `#` starts a comment.
    fn parse(text: &str, what: &str) -> Result<InstanceKeys, KeyError> {
        let words =
            text.lines().flat_map(|line| line.split('#').next().unwrap_or_default().split([' ', ',', '\t']));
        let keys = words.filter(|word| !word.is_empty()).map(|word| {
            let bytes = from_base64url(word).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
            bytes.map(|bytes| InstanceKey::new(Key::new(bytes))).ok_or_else(|| {
                KeyError::Instance(format!(
                    "{what} is not 43 characters of base64url, which `countersign keys init` makes"
                ))
            })
        });
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() {
            return Err(KeyError::Instance(format!("{what} is empty")));
        }
        Ok(InstanceKeys(keys))
    }

    /// Makes a new key and writes it to a file of mode 0600; refuses an existing file.
    pub fn create(path: &Path) -> Result<InstanceKeys, KeyError> {
        let failed =
            |error: std::io::Error| KeyError::Instance(format!("{} cannot be made: {error}", path.display()));
        crate::files::make_private_folder(path.parent().unwrap_or(Path::new("."))).map_err(failed)?;
        let key = InstanceKey::new(Key::generate());
        let mut text = String::from(
            "# The instance key of this Countersign installation. Keep a copy in a safe place:\n",
        );
        text.push_str("# without it nothing sealed in the database can be opened.\n");
        let _infallible = writeln!(text, "# fingerprint {}", key.fingerprint());
        let _infallible = writeln!(text, "{}", base64url(key.key.expose()));
        let mut file =
            fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
        Ok(InstanceKeys(vec![key]))
    }

    #[expect(clippy::expect_used, reason = "no constructor makes an empty list")]
    pub(super) fn first(&self) -> &InstanceKey {
        self.0.first().expect("at least one instance key")
    }

    /// The key with this fingerprint, else the first one.
    pub(super) fn named(&self, fingerprint: &str) -> &InstanceKey {
        self.0.iter().find(|key| key.fingerprint() == fingerprint).unwrap_or(self.first())
    }

    /// MAC keys, one derived from each instance key; the one with this fingerprint makes new MACs.
    pub(super) fn mac_keys(&self, fingerprint: &str, purpose: &str) -> MacKeys {
        let named = self.named(fingerprint);
        let derived = |from: &InstanceKey| Key::new(*from.key.derive::<32>(purpose, b""));
        let others = self.0.iter().filter(|key| key.id != named.id);
        MacKeys::new(derived(named), others.map(derived).collect())
    }

    pub(super) fn find(&self, id: [u8; 8]) -> Option<&Key> {
        self.0.iter().find(|key| key.id == id).map(|key| &key.key)
    }

    /// The fingerprints of all keys, that of the sealing key first.
    pub fn fingerprints(&self) -> Vec<String> {
        self.0.iter().map(InstanceKey::fingerprint).collect()
    }
}

impl InstanceKey {
    fn new(key: Key) -> InstanceKey {
        let hash = sha256(&[b"countersign instance key".as_slice(), key.expose()].concat());
        let mut id = [0; 8];
        id.copy_from_slice(hash.first_chunk::<8>().unwrap_or(&[0; 8]));
        InstanceKey { id, key }
    }

    /// The identifier in hexadecimal, as it is displayed.
    pub fn fingerprint(&self) -> String {
        HEXLOWER.encode(&self.id)
    }
}
