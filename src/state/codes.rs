//! Authorization codes: issued once, spent once.

use time::{Duration, OffsetDateTime};

use super::StateError;
use super::kv::{Drawer, Key, OnceKey, Spend, Until};
use super::mac::{Found, MacKv};
use super::sessions::{self, Sessions};
use crate::ids::RecordId;
use crate::protocol::code::{CodeGrant, LATE, REMEMBERED, SpentCode};
use crate::protocol::session::Account;
use crate::secret::{Token, from_base64url, random, sha256};

/// How long the removal of a client is remembered here: longer than any node may hold the client in memory.
const WITHDRAWN: Duration = Duration::minutes(1);
/// The length of a code, in characters.
pub const LENGTH: usize = 72;

/// The drawer of authorization codes.
#[derive(Clone)]
pub struct Codes {
    kv: MacKv,
    sessions: Sessions,
    lifetime: Duration,
}

/// A code that is spent for the first time.
#[derive(Debug)]
pub struct Redeemed {
    /// The grant.
    pub code: CodeGrant,
    /// The account of its session; none when the session has ended or expired.
    pub account: Option<Account>,
    /// When its client was removed or disabled, if that was within the last minute.
    pub withdrawn: Option<OffsetDateTime>,
}

/// The parts of a code: the instant until which it is remembered, with which its key begins; 32 random bytes; and the name
/// of its browser record, encrypted. The name allows the record to be read in the statement that spends the code.
struct Code {
    until: Until,
    random: [u8; 32],
    hidden: [u8; 16],
}

impl Codes {
    pub(super) fn new(kv: MacKv, sessions: Sessions, lifetime: Duration) -> Codes {
        Codes { kv, sessions, lifetime }
    }

    /// Issues a code to a client. It is stored a little longer than it is valid, so that a late client gets the right
    /// error; [`CodeGrant::check_age`] checks its age.
    pub async fn mint(
        &self,
        client_id: &str,
        grant: &CodeGrant,
        now: OffsetDateTime,
    ) -> Result<Token, StateError> {
        let random = random();
        let code = Code {
            until: Until::of(now + self.lifetime + REMEMBERED),
            random,
            hidden: self.hide(&random, *grant.record.as_bytes()),
        };
        let text = Token::of(&[&code.until.to_bytes(), code.random.as_slice(), &code.hidden].concat());
        let whole = serde_json::to_vec(grant).map_err(|error| StateError::Broken(error.to_string()))?;
        let key = key(client_id, text.expose(), code.until);
        self.kv.issue(&key, &whole, &grant.spent().to_bytes(), now + self.lifetime + LATE).await?;
        Ok(text)
    }

    /// Spends a code in one step, before any decision on it, and reads its session in the same statement. An attempt by
    /// another client finds nothing and spends nothing.
    pub async fn spend(
        &self,
        client_id: &str,
        text: &str,
        now: OffsetDateTime,
    ) -> Result<Spend<Redeemed, SpentCode>, StateError> {
        let Some(code) = Code::parse(text) else { return Ok(Spend::Unknown) };
        let key = key(client_id, text, code.until);
        let Some(named) = RecordId::from_bytes(&self.hide(&code.random, code.hidden)) else {
            return Ok(Spend::Unknown);
        };
        let beside = [&sessions::key(named), &withdrawn(client_id)];
        let (spent, [session, withdrawn]) = self.kv.spend(&key, beside, now).await?;
        Ok(match spent {
            Spend::Unknown => Spend::Unknown,
            Spend::Spent(later) => SpentCode::from_bytes(&later).map_or(Spend::Unknown, Spend::Spent),
            Spend::Fresh(whole) => {
                let grant: CodeGrant =
                    serde_json::from_slice(&whole).map_err(|error| StateError::Broken(error.to_string()))?;
                let session_id = grant.grant.person.session_id;
                let account = if named == grant.record {
                    self.sessions.account_in(session, session_id, now)?
                } else {
                    // Issued while another instance key was in use.
                    self.sessions.account(grant.record, session_id, now).await?
                };
                let withdrawn = withdrawn.as_ref().and_then(Found::value).and_then(instant);
                Spend::Fresh(Redeemed { code: grant, account, withdrawn })
            }
        })
    }

    /// Withdraws the codes of a client that was removed or disabled, before each node has seen that change in the main
    /// database. If this fails, each node sees it within about a second.
    pub async fn withdraw(&self, client_id: &str, now: OffsetDateTime) -> Result<(), StateError> {
        let at = now.unix_timestamp().to_be_bytes();
        self.kv.put(&withdrawn(client_id), &at, now + WITHDRAWN).await
    }

    /// Takes the withdrawal back, for a client that is enabled again.
    pub async fn readmit(&self, client_id: &str, now: OffsetDateTime) -> Result<(), StateError> {
        self.kv.put(&withdrawn(client_id), &[], now + WITHDRAWN).await
    }

    /// Encrypts, or decrypts, the name of a record: it would tell a client whether two people use one browser.
    fn hide(&self, random: &[u8; 32], name: [u8; 16]) -> [u8; 16] {
        let mut name = name;
        name.iter_mut().zip(self.kv.pad(random)).for_each(|(byte, pad)| *byte ^= pad);
        name
    }
}

impl Code {
    fn parse(text: &str) -> Option<Code> {
        let bytes = from_base64url(text)?;
        let (until, rest) = bytes.split_first_chunk::<{ Until::BYTES }>()?;
        let (random, hidden) = rest.split_first_chunk::<32>()?;
        Some(Code { until: Until::from_bytes(*until), random: *random, hidden: hidden.try_into().ok()? })
    }
}

fn withdrawn(client_id: &str) -> Key {
    Key::new(Drawer::WithdrawnClient, client_id)
}

fn instant(bytes: &[u8]) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(i64::from_be_bytes(bytes.try_into().ok()?)).ok()
}

fn key(client_id: &str, text: &str, until: Until) -> OnceKey {
    OnceKey::new(Drawer::Code, until, &sha256(&[client_id.as_bytes(), &[0], text.as_bytes()].concat()))
}
