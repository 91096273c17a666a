//! The people of the demo, and the file with their passwords and the secret of the fund, so that every start uses the
//! same ones.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::error::{DemoError, other};
use super::running::Login;
use crate::app::App;
use crate::files::make_private_folder;
use crate::operations::Operation;
use crate::operations::people;
use crate::password::Password;
use crate::secret::{Token, random};
use crate::store::users;

/// The name of the file in the data directory.
const FILE: &str = "demo.json";

/// Passwords and the client secret, in a file of mode 0600. A missing file is made again with new ones.
#[derive(Serialize, Deserialize)]
pub(super) struct Credentials {
    ada_password: String,
    grace_password: String,
    pub(super) fund_secret: String,
}

impl Credentials {
    /// Reads the file; makes it if it is missing.
    pub(super) fn open(data_dir: &Path) -> Result<Credentials, DemoError> {
        let path = data_dir.join(FILE);
        let failed = |cause: String| {
            DemoError::Credentials(format!(
                "{}: {cause}; delete it and new passwords are made",
                path.display()
            ))
        };
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| failed(error.to_string())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let credentials = Credentials::generate();
                credentials.save(data_dir).map_err(|error| failed(error.to_string()))?;
                Ok(credentials)
            }
            Err(error) => Err(failed(error.to_string())),
        }
    }

    fn generate() -> Credentials {
        Credentials {
            ada_password: new_password(),
            grace_password: new_password(),
            fund_secret: Token::generate().expose().to_owned(),
        }
    }

    /// Writes to another name first and renames, so that an interrupted write leaves no partial file.
    fn save(&self, data_dir: &Path) -> std::io::Result<()> {
        make_private_folder(data_dir)?;
        let draft = data_dir.join(format!("{FILE}.new"));
        let _left_over = fs::remove_file(&draft);
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        serde_json::to_writer_pretty(&mut file, self)?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        fs::rename(&draft, data_dir.join(FILE))
    }
}

/// Generates three groups of three syllables: 54 random bits that are easy to read and to type.
fn new_password() -> String {
    const CONSONANTS: &[u8; 16] = b"bdfghjklmnprstvz";
    const VOWELS: &[u8; 4] = b"aeio";
    let pick = |letters: &[u8], at: usize| letters.get(at).copied().map(char::from);
    let mut password = String::new();
    for (position, byte) in random::<9>().into_iter().map(usize::from).enumerate() {
        if position > 0 && position % 3 == 0 {
            password.push('-');
        }
        password.extend(pick(CONSONANTS, byte & 0x0F));
        password.extend(pick(VOWELS, byte >> 4 & 0x03));
    }
    password
}

/// Adds the people who are missing, and sets the passwords of the file.
pub(super) async fn ensure(
    op: &Operation<'_>,
    app: &App,
    credentials: &Credentials,
) -> Result<Vec<Login>, DemoError> {
    let now = op.now;
    let people = [
        ("ada", ada(now), &credentials.ada_password, "a customer"),
        ("grace", grace(now), &credentials.grace_password, "an advisor, who may see the list of customers"),
    ];
    let mut logins = vec![];
    for (login, claims, password, what) in people {
        let name = claims.get("name").and_then(Value::as_str).unwrap_or(login).to_owned();
        ensure_one(op, app, login, claims, password).await?;
        logins.push(Login { login: login.into(), name, password: password.clone(), what });
    }
    Ok(logins)
}

async fn ensure_one(
    op: &Operation<'_>,
    app: &App,
    login: &str,
    claims: Map<String, Value>,
    password: &str,
) -> Result<(), DemoError> {
    let hash = || Password::chosen(password).map_err(other)?.hash().map_err(other);
    let Some(found) = users::by_login(op.db, login).await? else {
        let person = people::describe(login.into(), claims).map_err(other)?;
        people::add(op, person, hash()?).await.map_err(other)?;
        return Ok(());
    };
    let same = app.passwords.verify(Password::presented(password), found.password_hash, true).await;
    if !same.map_err(other)? {
        people::set_password(op, &found.user, hash()?).await.map_err(other)?;
    }
    Ok(())
}

fn ada(now: OffsetDateTime) -> Map<String, Value> {
    object(json!({
        "name": "Ada Lovelace", "given_name": "Ada", "middle_name": "King", "family_name": "Lovelace",
        "nickname": "Ada", "preferred_username": "ada", "gender": "female", "birthdate": "1815-12-10",
        "profile": "https://people.example/ada", "picture": "https://people.example/ada.png",
        "website": "https://ada.example", "zoneinfo": "Europe/London", "locale": "en-GB",
        "updated_at": now.unix_timestamp(), "email": "ada@people.example", "email_verified": true,
        "phone_number": "+442079460018", "phone_number_verified": true,
        "address": address("1 Analytical Row", "London", "EC1A 1AA", "United Kingdom"),
        "roles": ["customer"],
    }))
}

fn grace(now: OffsetDateTime) -> Map<String, Value> {
    object(json!({
        "name": "Grace Hopper", "given_name": "Grace", "middle_name": "Brewster", "family_name": "Hopper",
        "nickname": "Grace", "preferred_username": "grace", "gender": "female", "birthdate": "1906-12-09",
        "profile": "https://people.example/grace", "picture": "https://people.example/grace.png",
        "website": "https://grace.example", "zoneinfo": "America/New_York", "locale": "en-US",
        "updated_at": now.unix_timestamp(), "email": "grace@people.example", "email_verified": true,
        "phone_number": "+12025550143", "phone_number_verified": true,
        "address": address("2 Compiler Street", "Arlington", "22201", "United States"),
        "roles": ["customer", "advisor"],
    }))
}

fn address(street: &str, town: &str, code: &str, country: &str) -> Value {
    json!({
        "formatted": format!("{street}\n{town} {code}\n{country}"), "street_address": street,
        "locality": town, "postal_code": code, "country": country,
    })
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
