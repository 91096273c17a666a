//! The promises every page keeps: it works without script, nothing inline, labels and ids that fit together, hostile names
//! shown as text.

use std::collections::HashSet;

use countersign::web::assets;
use countersign::web::reply::FormPostPage;
use scraper::{ElementRef, Html, Selector};

use super::sample_pages::sample_pages;

fn select<'a>(page: &'a Html, selector: &str) -> Vec<ElementRef<'a>> {
    page.select(&Selector::parse(selector).unwrap()).collect()
}

fn documents() -> Vec<(String, Html)> {
    sample_pages().into_iter().map(|(name, html)| (name, Html::parse_document(&html))).collect()
}

fn sample(wanted: &str) -> Html {
    documents().into_iter().find(|(name, _)| name == wanted).unwrap().1
}

#[test]
fn every_page_has_language_title_and_one_heading() {
    for (name, page) in documents() {
        let root = page.root_element();
        let lang = if name.ends_with("-de") { "de" } else { "en" };
        assert_eq!((root.attr("lang"), root.attr("dir")), (Some(lang), Some("ltr")), "{name}");
        let title: String = select(&page, "title").iter().flat_map(ElementRef::text).collect();
        assert!(title.ends_with(" · Countersign"), "{name}: {title}");
        assert_eq!(select(&page, "h1").len(), 1, "{name}");
        assert_eq!(select(&page, "main").len(), 1, "{name}");
    }
}

#[test]
fn nothing_on_a_page_needs_or_is_a_script_or_inline_style() {
    for (name, page) in documents() {
        assert!(select(&page, "style, iframe, object, embed, base").is_empty(), "{name}");
        // One inline script presses the button of the page that has nothing but a button; one of a file shows the
        // password on the sign-in page.
        for script in select(&page, "script") {
            let file = script.attr("src").is_some_and(|src| src.starts_with("/id/assets/password-"));
            let is_file = file && script.inner_html().is_empty() && name.starts_with("login");
            assert!(is_file || name.starts_with("form-post"), "{name}");
        }
        for button in select(&page, "[aria-pressed]") {
            assert!(
                button.attr("hidden").is_some(),
                "{name}: what only script can do is not offered without"
            );
        }
        for element in select(&page, "*") {
            for (attribute, value) in element.value().attrs() {
                assert!(attribute != "style" && !attribute.starts_with("on"), "{name}: {attribute}={value}");
                assert!(!value.trim_start().to_lowercase().starts_with("javascript:"), "{name}: {value}");
            }
        }
    }
}

#[test]
fn own_addresses_start_with_the_path_of_the_issuer() {
    for (name, page) in documents() {
        for element in select(&page, "[href], [src], [action]") {
            let element = element.value();
            let address = ["href", "src", "action"].iter().find_map(|a| element.attr(a)).unwrap();
            assert!(address.starts_with("/id/") || address.starts_with("https://"), "{name}: {address}");
            if element.name() == "form" && !name.starts_with("form-post") {
                assert!(address.starts_with("/id/") && element.attr("method") == Some("post"), "{name}");
            }
        }
    }
}

#[test]
fn linked_assets_exist_and_have_a_type() {
    for (name, page) in documents() {
        let linked = select(&page, "link[href], script[src]");
        let assets: Vec<_> =
            linked.iter().map(|link| link.attr("href").or(link.attr("src")).unwrap()).collect();
        assert!(!assets.is_empty(), "{name}");
        for href in assets {
            let asset = assets::find(href.strip_prefix("/id/assets/").unwrap()).unwrap();
            assert!(!asset.bytes.is_empty() && !asset.content_type.is_empty(), "{href}");
        }
    }
    assert!(assets::find("style-0000000000000000.css").is_none());
    assert!(assets::find("style.css").is_none());
    assert!(assets::find("").is_none());
}

#[test]
fn ids_are_unique_and_everything_that_points_at_one_finds_it() {
    for (name, page) in documents() {
        let ids: Vec<_> = select(&page, "[id]").iter().map(|e| e.attr("id").unwrap()).collect();
        let unique: HashSet<_> = ids.iter().copied().collect();
        assert_eq!(ids.len(), unique.len(), "{name}: {ids:?}");
        for element in select(&page, "[for], [aria-describedby], [aria-labelledby]") {
            for attribute in ["for", "aria-describedby", "aria-labelledby"] {
                let targets = element.attr(attribute).unwrap_or_default();
                for target in targets.split_whitespace() {
                    assert!(unique.contains(target), "{name}: {attribute}={target}");
                }
            }
        }
    }
}

#[test]
fn every_visible_input_has_a_label() {
    for (name, page) in documents() {
        for input in select(&page, "input:not([type=hidden])") {
            let id = input.attr("id").unwrap();
            assert_eq!(select(&page, &format!("label[for={id}]")).len(), 1, "{name}: {id}");
        }
    }
}

#[test]
fn the_sign_in_form_suits_password_managers_and_the_enter_key() {
    let page = sample("login");
    let username = select(&page, "input[name=username]")[0].value();
    assert_eq!(username.attr("autocomplete"), Some("username webauthn"));
    assert_eq!(username.attr("autocapitalize"), Some("none"));
    assert!(username.attr("autofocus").is_some());
    let password = select(&page, "input[name=password]")[0].value();
    assert_eq!((password.attr("type"), password.attr("value")), (Some("password"), None));
    assert_eq!(password.attr("autocomplete"), Some("current-password"));
    let buttons = select(&page, "button[type=submit]");
    assert_eq!(buttons[0].attr("name"), None, "Enter presses the first button: it must sign in");
    assert_eq!((buttons[1].attr("name"), buttons[1].attr("value")), (Some("decision"), Some("cancel")));
    assert!(buttons[1].attr("formnovalidate").is_some());
}

#[test]
fn a_problem_is_announced_and_tied_to_its_fields() {
    for name in [
        "login-wrong", "login-no-name", "login-no-password", "login-busy", "login-state-down",
        "login-too-many",
    ] {
        assert_eq!(select(&sample(name), "#problem[role=alert]").len(), 1, "{name}");
    }
    let invalid = |name: &str| -> Vec<String> {
        let page = sample(name);
        select(&page, "[aria-invalid=true]").iter().map(|e| e.attr("name").unwrap().to_owned()).collect()
    };
    assert_eq!(invalid("login"), [] as [&str; 0]);
    assert_eq!(
        invalid("login-wrong"),
        ["username", "password"],
        "it must not tell which of the two was wrong"
    );
    assert_eq!(invalid("login-no-name"), ["username"]);
    assert_eq!(invalid("login-no-password"), ["password"]);
    assert_eq!(invalid("login-busy"), [] as [&str; 0]);
    assert_eq!(select(&sample("login-wrong"), "input[name=remember][checked]").len(), 1);
}

#[test]
fn every_account_is_a_button_and_none_is_suggested() {
    let page = sample("select");
    assert!(select(&page, "[autofocus]").is_empty());
    let said: Vec<_> = select(&page, "form button")
        .iter()
        .map(|button| (button.attr("type"), button.attr("name"), button.attr("value")))
        .collect();
    let (submit, id) = (Some("submit"), Some("dGhpcyBvbmU"));
    assert_eq!(said[..2], [(submit, Some("account"), id); 2]);
    assert_eq!(said[2..], ["another", "cancel"].map(|value| (submit, Some("decision"), Some(value))));
    assert_eq!(select(&page, "form input[type=hidden][name=ticket]").len(), 1);
}

#[test]
fn consent_leaves_the_choice_open() {
    let page = sample("consent-wary");
    assert!(select(&page, "[autofocus]").is_empty());
    let values: Vec<_> =
        select(&page, "button[name=decision]").iter().map(|b| b.attr("value").unwrap()).collect();
    assert_eq!(values, ["allow", "deny"]);
    assert_eq!(select(&page, ".scopes li").len(), 4);
    assert_eq!(select(&page, ".notice").len(), 1);
}

#[test]
fn the_stop_on_the_way_back_refreshes_and_offers_the_same_link() {
    let page = sample("interstitial");
    let refresh = select(&page, "meta[http-equiv=refresh]")[0].attr("content").unwrap();
    let link = select(&page, "main a")[0].attr("href").unwrap();
    assert_eq!(refresh, format!("0;url={link}"));
    assert!(link.ends_with("?code=c&state=a%20b&iss=https%3A%2F%2Fid.example"));
    assert!(select(&page, "form, img, link[rel=icon]").is_empty(), "its policy permits none of them");
}

#[test]
fn the_form_on_the_way_back_posts_itself_or_offers_a_button() {
    let (_, html) = sample_pages().into_iter().find(|(name, _)| name == "form-post").unwrap();
    // To a parser that runs script, what is inside a noscript is text.
    assert_eq!(html.matches("<script").count(), 1);
    assert!(html.contains(&format!("<script>{}</script>", FormPostPage::SCRIPT)), "{html}");
    let (before, after) = html.split_once("<noscript>").unwrap();
    let (without, _) = after.split_once("</noscript>").unwrap();
    assert!(
        without.contains("<button") && !without.contains("name="),
        "a button that adds nothing: {without}"
    );
    assert!(before.contains("<form method=\"post\" action=\"https://notes.example/callback?at=home\">"));
    let page = Html::parse_document(&html);
    let fields: Vec<_> = select(&page, "input").iter().map(|e| (e.attr("name"), e.attr("value"))).collect();
    assert_eq!(fields[0], (Some("code"), Some("c")));
    assert_eq!(fields[1], (Some("state"), Some("\"><script>alert(1)</script>")));
    assert!(select(&page, "img, link[rel=icon]").is_empty(), "its policy permits none of them");
}

#[test]
fn hostile_names_are_shown_as_text() {
    for name in ["login-hostile", "select-hostile", "consent-hostile", "sign-out", "sign-out-several"] {
        let html = sample_pages().into_iter().find(|(page, _)| page == name).unwrap().1;
        assert!(!html.contains("<script>"), "{name}");
        assert!(html.contains("&#60;script&#62;"), "{name}");
    }
    let shown: String = select(&sample("login-hostile"), "h1").iter().flat_map(ElementRef::text).collect();
    assert!(shown.contains(r#""><script>alert(1)</script>"#));
}

#[test]
fn every_page_but_the_stop_can_be_had_in_every_other_language() {
    for (name, page) in documents() {
        let current: String =
            select(&page, "footer [aria-current]").iter().flat_map(ElementRef::text).collect();
        let others = select(&page, "footer a[hreflang]");
        if name.starts_with("interstitial") || name.starts_with("form-post") {
            assert!(others.is_empty() && current.is_empty(), "{name}");
            continue;
        }
        let (here, there) = if name.ends_with("-de") { ("Deutsch", "en") } else { ("English", "de") };
        assert_eq!((current.as_str(), others.len()), (here, 1), "{name}");
        let other = others[0].value();
        assert_eq!((other.attr("hreflang"), other.attr("lang")), (Some(there), Some(there)), "{name}");
        let href = format!("/id/language?lang={there}&back=%2Fid%2Flogin%3Ft%3Dt1.c2VhbGVk");
        assert_eq!(other.attr("href"), Some(href.as_str()), "{name}");
    }
}
