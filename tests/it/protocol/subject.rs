//! The `sub` of a person for a client: the same for clients of one sector, and no name of the account for another.

use countersign::protocol::subject::{Naming, SubjectType};
use countersign::secret::Key;
use serde_json::json;

use super::client;

/// The vector was computed by another implementation of HMAC.
#[test]
fn a_pairwise_name_is_a_mac_of_sector_and_account() {
    let key = Key::new(std::array::from_fn(|at| u8::try_from(at).unwrap()));
    let naming = |sector: &str| Naming::Pairwise { key: key.clone(), sector: sector.into() };
    let sub = naming("rp.example.com").sub("acct-42").into_owned();
    assert_eq!(sub, "Sg4ppjlEkNt4RTP3cEQJVTaXI4n9NdM2LdUfgjcTEtA");
    let other = Naming::Pairwise { key: Key::new([7; 32]), sector: "rp.example.com".into() };
    for (what, other) in [
        ("another sector", naming("rp.example.org").sub("acct-42")),
        ("another person", naming("rp.example.com").sub("acct-43")),
        ("another key", other.sub("acct-42")),
        ("another place between the two", naming("rp.example.co").sub("macct-42")),
    ] {
        assert_ne!(other, sub, "{what}");
    }
    assert_eq!(Naming::Public.sub("acct-42"), "acct-42");
    assert_eq!(
        format!("{:?}", naming("rp.example.com")),
        "Pairwise(\"rp.example.com\")",
        "the key is not shown"
    );
}

#[test]
fn a_client_is_told_the_names_that_it_registered_for() {
    let key = Key::new([7; 32]);
    let redirect_uris = json!(["https://rp.example.com/cb"]);
    let sub = |subject_type: &str| {
        let client = client(json!({ "redirect_uris": redirect_uris, "subject_type": subject_type }));
        Naming::of(&client, &key).sub("acct-42").into_owned()
    };
    let pairwise = Naming::Pairwise { key: key.clone(), sector: "rp.example.com".into() };
    assert_eq!(sub("pairwise"), pairwise.sub("acct-42"));
    assert_eq!(sub("public"), "acct-42");
    let unsaid = client(json!({ "redirect_uris": redirect_uris }));
    assert_eq!(Naming::of(&unsaid, &key).sub("acct-42"), "acct-42");
    assert!(SubjectType::Public.is_default() && !SubjectType::Pairwise.is_default());
}
