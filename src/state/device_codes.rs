//! Requests of devices. Each is kept under its user code, where a person decides it, and its polls beside it under the
//! device code: so a decision and a poll never change the same value.

use serde::Serialize;
use serde::de::DeserializeOwned;
use time::OffsetDateTime;

use super::StateError;
use super::kv::{Drawer, Key, Kv};
use super::limits::budget::{Budget, Full, store_within};
use super::mac::{Found, MacKv};
use crate::protocol::device::{Approval, Decision, DeviceRequest, INTERVAL, LATE, LIFETIME, Poll, Polls};
use crate::protocol::user_code::UserCode;
use crate::secret::{Token, base64url, random, sha256};

/// Requests of one network (IPv4 /24, IPv6 /48) for public clients, at a time.
const NETWORK: u64 = 200;
/// Requests of one client, at a time.
const CLIENT: u64 = 5_000;
/// Number of attempts to find a user code that is not in use.
const DRAWS: u8 = 8;
/// Number of attempts at a poll that a concurrent poll of the same device disturbs: the next one comes too early then.
const ATTEMPTS: u8 = 4;

/// The drawer of requests of devices.
#[derive(Clone)]
pub struct DeviceCodes {
    kv: MacKv,
    counters: Kv,
}

/// The two codes of a request.
pub struct Codes {
    /// For the device.
    pub device_code: Token,
    /// For the person.
    pub user_code: UserCode,
}

/// The outcome of a poll.
#[derive(Debug)]
pub enum Polled {
    /// This client has no such code, or has its tokens already.
    Unknown,
    /// The codes have expired.
    Expired,
    /// The poll came too early; the interval from now on, in seconds.
    SlowDown(i64),
    /// The person has not decided.
    Pending,
    /// The person denied.
    Denied,
    /// The person approved. The code is spent now, and no other poll gets this answer.
    Approved(Box<(DeviceRequest, Approval)>),
}

impl DeviceCodes {
    pub(super) fn new(kv: MacKv, counters: Kv) -> DeviceCodes {
        DeviceCodes { kv, counters }
    }

    /// Keeps a request under two new codes, if there is room for it. `site` is the network of a client that any program can
    /// claim to be; none where the client has authenticated. Both are kept a little longer than they are valid.
    ///
    /// Spec: RFC 8628 §3.2
    pub async fn mint(
        &self,
        request: &DeviceRequest,
        site: Option<&str>,
        now: OffsetDateTime,
    ) -> Result<Result<Codes, Full>, StateError> {
        let of_network = site.map(|site| {
            Budget::new(Drawer::DeviceLimit, "devices of a network", "devices-network", site, NETWORK)
        });
        let id = &request.client_id;
        let of_client = Budget::new(Drawer::DeviceLimit, "devices of a client", "devices-client", id, CLIENT);
        let budgets = of_network.into_iter().chain([of_client]);
        let ends = now + LIFETIME + LATE;
        store_within(&self.counters, budgets, 1, ends, now, self.keep(request, ends, now)).await
    }

    async fn keep(
        &self,
        request: &DeviceRequest,
        ends: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<Codes, StateError> {
        let whole = encoded(request)?;
        for _ in 0..DRAWS {
            let Some(user_code) = UserCode::from_bytes(&random::<32>()) else { continue };
            if !self.kv.put_new(&by_user_code(&user_code), &whole, ends, now).await? {
                continue;
            }
            let device_code = Token::generate();
            let polls = Polls {
                user_code: user_code.clone(),
                asked_at: request.asked_at,
                interval: INTERVAL.whole_seconds(),
                last: None,
            };
            let key = by_device_code(&request.client_id, device_code.expose());
            self.kv.put(&key, &encoded(&polls)?, ends).await?;
            return Ok(Codes { device_code, user_code });
        }
        Err(StateError::Contended)
    }

    /// The request under a user code, also for some time after it has expired.
    pub async fn find(
        &self,
        code: &UserCode,
        now: OffsetDateTime,
    ) -> Result<Option<DeviceRequest>, StateError> {
        Ok(self.load(&by_user_code(code), now).await?.map(|(_, request)| request))
    }

    /// Records a decision in one step, if the request is still pending; tells whether it was. Of concurrent decisions
    /// exactly one is recorded.
    pub async fn decide(
        &self,
        code: &UserCode,
        decision: Decision,
        now: OffsetDateTime,
    ) -> Result<bool, StateError> {
        let key = by_user_code(code);
        let Some((found, request)) = self.load::<DeviceRequest>(&key, now).await? else { return Ok(false) };
        if !request.is_pending(now) {
            return Ok(false);
        }
        let ends = request.asked_at + LIFETIME + LATE;
        let decided = DeviceRequest { decision, ..request };
        self.kv.swap(&key, &found, &encoded(&decided)?, ends, now).await
    }

    /// Counts a poll, and spends the code when the request is approved. A poll by another client finds nothing and changes
    /// nothing.
    pub async fn poll(
        &self,
        client_id: &str,
        device_code: &str,
        now: OffsetDateTime,
    ) -> Result<Polled, StateError> {
        let key = by_device_code(client_id, device_code);
        for _ in 0..ATTEMPTS {
            let Some((found, polls)) = self.load::<Polls>(&key, now).await? else {
                return Ok(Polled::Unknown);
            };
            let ends = polls.asked_at + LIFETIME + LATE;
            let polled = match polls.poll(now) {
                Poll::Late => return Ok(Polled::Expired),
                Poll::Early(polled) => {
                    // If this is lost, a concurrent poll has been counted, which is the last one then.
                    self.kv.swap(&key, &found, &encoded(&polled)?, ends, now).await?;
                    return Ok(Polled::SlowDown(polled.interval));
                }
                Poll::InTime(polled) => polled,
            };
            let Some(request) = self.find(&polled.user_code, now).await? else {
                return Ok(Polled::Unknown);
            };
            let answer = answer(request);
            let is_ours = match &answer {
                Polled::Approved(..) => self.kv.del_same(&key, &found, now).await?,
                _ => self.kv.swap(&key, &found, &encoded(&polled)?, ends, now).await?,
            };
            if is_ours {
                return Ok(answer);
            }
        }
        Err(StateError::Contended)
    }

    async fn load<T: DeserializeOwned>(
        &self,
        key: &Key,
        now: OffsetDateTime,
    ) -> Result<Option<(Found, T)>, StateError> {
        let Some(found) = self.kv.find(key, now).await? else { return Ok(None) };
        let Some(value) = found.value() else { return Ok(None) };
        let value = serde_json::from_slice(value).map_err(|error| StateError::Broken(error.to_string()))?;
        Ok(Some((found, value)))
    }
}

/// The answer to a poll in time.
fn answer(mut request: DeviceRequest) -> Polled {
    match std::mem::replace(&mut request.decision, Decision::Denied) {
        Decision::Pending => Polled::Pending,
        Decision::Denied => Polled::Denied,
        Decision::Approved(approval) => Polled::Approved(Box::new((request, *approval))),
    }
}

fn encoded(value: &impl Serialize) -> Result<Vec<u8>, StateError> {
    serde_json::to_vec(value).map_err(|error| StateError::Broken(error.to_string()))
}

fn by_user_code(code: &UserCode) -> Key {
    Key::new(Drawer::UserCode, &base64url(&sha256(code.letters().as_bytes())))
}

fn by_device_code(client_id: &str, device_code: &str) -> Key {
    let hash = sha256(&[client_id.as_bytes(), &[0], device_code.as_bytes()].concat());
    Key::new(Drawer::DeviceCode, &base64url(&hash))
}
