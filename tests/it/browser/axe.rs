//! axe-core finds nothing on any page: in every language, in both colours, on a phone and on a desk.
//!
//! Spec: WCAG 2.2 (levels A and AA, as far as a program can tell)

use std::path::Path;

use serde_json::{Value, json};

use super::gallery::Gallery;
use super::stage::{Album, Demo, fill_in};
use crate::support::app::{PASSWORD, TestApp};
use crate::support::chromium::{Chromium, Look, ScreenSize};
use crate::support::rp::Rp;

/// Where `.ci/setup` puts it.
fn axe() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign/node_modules/axe-core/axe.min.js");
    std::fs::read_to_string(&file)
        .unwrap_or_else(|error| panic!("{}: {error}; run .ci/setup", file.display()))
}

/// Each violation on a line: the rule, where, and what to do.
const RUN: &str = "axe.run(document, { resultTypes: ['violations'] }).then(r => r.violations.flatMap(v => \
                   v.nodes.map(n => v.id + ' at ' + n.target.join(' ') + ': ' + n.failureSummary)))";

/// Examines the page that is shown, on both screens and in both colours. Plain error pages differ in their
/// words alone: it is enough to see each on one screen in light and on the other in dark colours.
async fn examine(chromium: &Chromium, axe: &str, name: &str) {
    chromium.run(axe).await;
    let is_plain =
        name.starts_with("error-") && !["explained", "way-back"].iter().any(|own| name.contains(own));
    for screen in [ScreenSize(360, 740), ScreenSize(1280, 900)] {
        chromium.on_screen(screen).await;
        let on_phone = screen.0 < 1000;
        for colours in [Look::Light, Look::Dark] {
            if is_plain && on_phone == matches!(colours, Look::Dark) {
                continue;
            }
            chromium.in_colours(colours).await;
            let found = chromium.ask_later(RUN).await;
            let lines: Vec<&str> = match &found {
                Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
                other => panic!("{name}: axe did not run: {other}"),
            };
            let place = format!("{name}, {} px wide, {}", screen.0, colours.name());
            assert!(lines.is_empty(), "{place}:\n{}", lines.join("\n"));
        }
    }
}

#[actix_web::test]
async fn it_finds_nothing_on_any_page_of_the_provider() {
    let (axe, gallery, chromium) = (axe(), Gallery::open(), Chromium::start().await);
    for name in &gallery.names {
        chromium.open(&gallery.at(name)).await;
        examine(&chromium, &axe, name).await;
    }
    chromium.finish().await;
}

/// The real pages have a real policy, which the examination must get along with.
#[actix_web::test]
async fn it_finds_nothing_on_the_way_through_a_sign_in() {
    let (axe, app, album) = (axe(), TestApp::start().await, Album::open());
    app.user("ada").await;
    let callback = album.at("/callback");
    let rp = Rp::new(&app, json!({ "client_name": "Album", "redirect_uris": [callback] })).await;
    let chromium = Chromium::start().await;
    let wish = [("redirect_uri", Some(callback.as_str())), ("ui_locales", Some("de"))];
    chromium.open(&rp.authorize(&wish)).await;
    examine(&chromium, &axe, "sign-in").await;
    fill_in(&chromium, "ada", "not the password").await;
    chromium.shows("#problem").await;
    examine(&chromium, &axe, "sign-in with an error").await;
    fill_in(&chromium, "ada", PASSWORD).await;
    chromium.at(&app.at("/consent")).await;
    examine(&chromium, &axe, "consent").await;
    chromium.finish().await;
    app.finish().await;
}

#[actix_web::test]
async fn it_finds_nothing_on_the_pages_of_the_demo() {
    let (axe, demo, chromium) = (axe(), Demo::start().await, Chromium::start().await);
    let (bank, fund) = (&demo.running.bank, &demo.running.fund);
    for site in [bank, fund] {
        chromium.open(site).await;
        examine(&chromium, &axe, site).await;
    }
    demo.sign_in(&chromium, bank).await;
    chromium.click("button[value=transfer]").await;
    chromium.shows("#answer .verdict").await;
    chromium.ask("document.querySelectorAll('details').forEach(d => d.open = true)").await;
    examine(&chromium, &axe, "bank, signed in").await;
    chromium.open(&format!("{fund}/callback?code=x&state=y")).await;
    examine(&chromium, &axe, "fund, problem").await;
    chromium.finish().await;
    demo.stop().await;
}

#[actix_web::test]
async fn it_sees_what_it_is_for() {
    let bad = Album::with_page("", "<main><h1>Bad</h1><input><p style='color:#ccc'>Pale</p></main>");
    let chromium = Chromium::start().await;
    chromium.open(&bad.at("/")).await;
    chromium.run(&axe()).await;
    let found = chromium.ask_later(RUN).await.to_string();
    for rule in ["label at input", "color-contrast at p", "html-has-lang at html"] {
        assert!(found.contains(rule), "{rule}: {found}");
    }
    chromium.finish().await;
}
