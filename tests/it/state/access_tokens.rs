//! Opaque access tokens: found until they expire or are removed, on every store.

use countersign::secret::Token;
use countersign::state::access_tokens::is_opaque;
use countersign::state::kv::{Drawer, Key, Kv};
use serde_json::json;
use time::{Duration, OffsetDateTime};

use super::contract::{on_every_store, postgres, redis, sqlite};
use super::state;

on_every_store! {
    an_opaque_token_is_found_until_it_expires
    a_removed_token_is_gone_and_no_other
    what_is_kept_says_nothing_of_the_token
}

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(OffsetDateTime::now_utc().unix_timestamp()).unwrap()
}

async fn an_opaque_token_is_found_until_it_expires(kv: Kv) {
    let (tokens, now) = (state(&kv).access_tokens, now());
    let exp = now + Duration::minutes(5);
    let claims = json!({ "sub": "ada", "exp": exp.unix_timestamp(), "aud": ["a", "b"] });
    let text = tokens.put(&claims, exp).await.unwrap();
    assert!(text.starts_with("at_") && text.len() == 46 && is_opaque(&text), "{text}");
    for (at, is_there) in
        [(now, true), (exp - Duration::SECOND, true), (exp, false), (exp + Duration::SECOND, false)]
    {
        let found = tokens.find(&text, at).await.unwrap();
        assert_eq!(found.as_ref(), claims.as_object().filter(|_| is_there), "{at}");
    }
    let again = tokens.put(&claims, exp).await.unwrap();
    assert_ne!(text, again);
}

async fn a_removed_token_is_gone_and_no_other(kv: Kv) {
    let (tokens, now) = (state(&kv).access_tokens, now());
    let exp = now + Duration::minutes(5);
    let first = tokens.put(&json!({ "sub": "ada" }), exp).await.unwrap();
    let other = tokens.put(&json!({ "sub": "eve" }), exp).await.unwrap();
    let cut = &first[..first.len() - 1];
    let longer = format!("{first}A");
    let unknown = format!("at_{}", Token::generate().expose());
    let swapped = first.replace("at_", "rt_");
    for text in ["", "at_", cut, &longer, &unknown, &swapped, &first["at_".len()..]] {
        assert_eq!(tokens.find(text, now).await.unwrap(), None, "{text}");
        assert!(!tokens.remove(text, now).await.unwrap(), "{text}");
    }
    for removed in [true, false] {
        assert_eq!(tokens.remove(&first, now).await.unwrap(), removed);
        assert_eq!(tokens.find(&first, now).await.unwrap(), None);
    }
    assert_eq!(tokens.find(&other, now).await.unwrap().unwrap()["sub"], "eve");
}

/// Access to the store yields no token that could be used, and makes none.
async fn what_is_kept_says_nothing_of_the_token(kv: Kv) {
    let (tokens, now) = (state(&kv).access_tokens, now());
    let exp = now + Duration::minutes(5);
    let text = tokens.put(&json!({ "sub": "ada" }), exp).await.unwrap();
    let plain = Key::new(Drawer::AccessToken, &text);
    assert_eq!(kv.get(&plain, now).await.unwrap(), None, "it is kept under its hash");
    let hash = countersign::secret::TokenHash::of(&text);
    let key = Key::new(Drawer::AccessToken, &countersign::secret::base64url(hash.as_bytes()));
    let stored = kv.get(&key, now).await.unwrap().unwrap();
    assert!(!String::from_utf8_lossy(&stored).contains(&text));
    kv.put(&key, &[br#"{"sub":"eve"}"#.as_slice(), &[0; 16]].concat(), exp).await.unwrap();
    assert_eq!(tokens.find(&text, now).await.unwrap(), None, "a forged value is absent");
}
