//! How long keys live, and how long the key set may be cached.

use serde::Deserialize;
use time::Duration;

use crate::protocol::client::SigningAlg;

/// The sizes of RSA keys that can be configured.
const RSA_BITS: [u32; 3] = [2048, 3072, 4096];
/// The longest time the key set may be cached: a cache keeps a revoked key for as long.
const LONGEST_MAX_AGE: Duration = Duration::days(1);
/// The longest span: anything longer is a typing error.
const LONGEST: Duration = Duration::days(3650);
/// How many reads of the database may fail before anything is logged or refused.
const MISSED: i32 = 4;

/// `[keys]` in the configuration file; spans are whole seconds.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KeySettings {
    algorithms: Vec<SigningAlg>,
    rsa_bits: u32,
    jwks_max_age: u32,
    publish_before: u32,
    publish_after: u32,
    rotate_every: u32,
    retain: u32,
    skew: u32,
}

impl Default for KeySettings {
    fn default() -> Self {
        KeySettings {
            algorithms: SigningAlg::ALWAYS.to_vec(),
            rsa_bits: 2048,
            jwks_max_age: 600,
            publish_before: 86_400,
            publish_after: 86_400,
            rotate_every: 90 * 86_400,
            retain: 400 * 86_400,
            skew: 300,
        }
    }
}

impl KeySettings {
    /// The algorithms that are configured.
    pub fn algorithms(&self) -> &[SigningAlg] {
        &self.algorithms
    }
}

/// One value feeds both the `max-age` of the key set and the planning of key changes, so that the two
/// cannot disagree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPolicy {
    /// One ring of keys is kept for each.
    pub algorithms: Vec<SigningAlg>,
    /// The size of new RSA keys.
    pub rsa_bits: u32,
    /// How long the key set may be cached.
    pub jwks_max_age: Duration,
    /// How long a key is public before it signs, so that caches learn of it; [`KeyPolicy::skew`] is added.
    pub publish_before: Duration,
    /// How long a key stays public after it has signed for the last time, if no token lives for longer than
    /// [`KeyPolicy::longest_token`]; the skew is added.
    pub publish_after: Duration,
    /// How long a key signs.
    pub rotate_every: Duration,
    /// How long after that an old ID Token is accepted as a hint.
    pub retain: Duration,
    /// How far apart the clocks of nodes and verifiers may be.
    pub skew: Duration,
    /// The longest lifetime of tokens that the configuration offers. Rows beside it may offer longer ones.
    pub longest_token: Duration,
}

impl KeyPolicy {
    /// Checks the settings; the error names the settings that contradict each other.
    ///
    /// Spec: OpenID Connect Core §10.1.1
    pub fn new(settings: KeySettings, longest_token: Duration) -> Result<KeyPolicy, String> {
        let seconds = |span: u32| Duration::seconds(span.into());
        let policy = KeyPolicy {
            algorithms: settings.algorithms,
            rsa_bits: settings.rsa_bits,
            jwks_max_age: seconds(settings.jwks_max_age),
            publish_before: seconds(settings.publish_before),
            publish_after: seconds(settings.publish_after),
            rotate_every: seconds(settings.rotate_every),
            retain: seconds(settings.retain),
            skew: seconds(settings.skew),
            longest_token,
        };
        policy.check_alone()?;
        policy.check_together()?;
        Ok(policy)
    }

    fn check_alone(&self) -> Result<(), String> {
        for always in SigningAlg::ALWAYS {
            if !self.algorithms.contains(&always) {
                return Err(format!("algorithms must contain {}: clients rely on it", always.name()));
            }
        }
        if self
            .algorithms
            .iter()
            .enumerate()
            .any(|(at, alg)| self.algorithms.iter().skip(at + 1).any(|a| a == alg))
        {
            return Err("algorithms names one twice".into());
        }
        if !RSA_BITS.contains(&self.rsa_bits) {
            return Err(format!("rsa_bits must be 2048, 3072 or 4096, not {}", self.rsa_bits));
        }
        if !(Duration::SECOND..=LONGEST_MAX_AGE).contains(&self.jwks_max_age) {
            return Err("jwks_max_age must be between 1 second and 1 day (86400)".into());
        }
        for (name, span) in [
            ("publish_before", self.publish_before),
            ("publish_after", self.publish_after),
            ("rotate_every", self.rotate_every),
            ("retain", self.retain),
            ("skew", self.skew),
        ] {
            if span > LONGEST {
                return Err(format!("{name} must be at most ten years"));
            }
        }
        Ok(())
    }

    fn check_together(&self) -> Result<(), String> {
        let missed = self.refresh() * MISSED;
        // A cache may serve its copy to another cache, which starts its own max-age.
        let before = 2 * self.jwks_max_age + missed;
        if self.publish_before < before {
            return Err(format!(
                "publish_before is {} s, but a key set may be held for 2 × jwks_max_age ({} s) and nodes look for new \
                 keys every {} s: a new key would sign before every verifier knows it; set publish_before to at least {}",
                self.publish_before.whole_seconds(),
                self.jwks_max_age.whole_seconds(),
                self.refresh().as_seconds_f32(),
                up(before),
            ));
        }
        let after = self.least_publish_after(self.longest_token);
        if self.publish_after < after {
            return Err(format!(
                "publish_after is {} s, but tokens live for {} s and the key set may be held for jwks_max_age ({} s): \
                 a key would be gone before its last token; set publish_after to at least {}",
                self.publish_after.whole_seconds(),
                self.longest_token.whole_seconds(),
                self.jwks_max_age.whole_seconds(),
                up(after),
            ));
        }
        let every = self.publish_before + self.skew;
        if self.rotate_every < every {
            return Err(format!(
                "rotate_every is {} s, but the next key has to be public for publish_before + skew ({} s) before it \
                 may sign; set rotate_every to at least that",
                self.rotate_every.whole_seconds(),
                every.whole_seconds(),
            ));
        }
        Ok(())
    }

    /// How long a key stays public after it has signed for the last time, where tokens live for up to `longest`; the skew
    /// is added.
    pub fn publish_after(&self, longest: Duration) -> Duration {
        self.publish_after.max(Duration::seconds(up(self.least_publish_after(longest))))
    }

    fn least_publish_after(&self, longest: Duration) -> Duration {
        longest + self.jwks_max_age + self.refresh() * MISSED
    }

    /// How often each node reads the keys.
    pub fn refresh(&self) -> Duration {
        (self.jwks_max_age / 10_i32).clamp(Duration::milliseconds(200), Duration::seconds(4))
    }
}

/// Whole seconds, rounded up.
fn up(span: Duration) -> i64 {
    span.whole_seconds() + i64::from(span.subsec_nanoseconds() > 0)
}
