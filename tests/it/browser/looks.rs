//! How the pages look: nothing sticks out on a narrow screen, and pictures for whoever wants to see them
//! (`SCREENSHOTS=folder cargo test browser::looks`).

use std::path::PathBuf;

use serde_json::json;

use super::stage::{Album, Demo, fill_in};
use crate::support::app::{PASSWORD, TestApp};
use crate::support::chromium::{Chromium, Look, ScreenSize};
use crate::support::rp::Rp;

/// Looks at the page that is shown, on every screen and in both colours.
pub async fn look(chromium: &Chromium, name: &str) {
    let folder = std::env::var_os("SCREENSHOTS").map(PathBuf::from);
    for screen in [ScreenSize(320, 640), ScreenSize(360, 740), ScreenSize(1280, 900)] {
        chromium.on_screen(screen).await;
        chromium.assert_fits().await;
        let Some(folder) = folder.as_ref().filter(|_| screen.0 > 320) else { continue };
        std::fs::create_dir_all(folder).unwrap();
        for colours in [Look::Light, Look::Dark] {
            chromium.in_colours(colours).await;
            let file = format!("{name}-{}-{}.png", screen.0, colours.name());
            chromium.picture(&folder.join(file)).await;
        }
    }
}

#[actix_web::test]
async fn the_pages_of_the_provider_fit_every_screen() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let album = Album::open();
    let callback = album.at("/callback");
    let metadata = json!({ "client_name": "Album of the Harbour Photography Society", "redirect_uris": [callback],
        "client_uri": album.at("/"), "policy_uri": album.at("/policy"), "tos_uri": album.at("/terms") });
    let rp = Rp::new(&app, metadata).await;
    let scope = Some("openid profile email address phone balances.read");
    let api = Some(crate::support::app::API);
    let request = [("redirect_uri", Some(callback.as_str())), ("scope", scope), ("resource", api)];
    let chromium = Chromium::start().await;

    chromium.open(&app.at("/")).await;
    look(&chromium, "home-nobody").await;
    chromium.open(&rp.authorize(&request)).await;
    look(&chromium, "sign-in").await;
    fill_in(&chromium, "ada", "not the password").await;
    chromium.shows("#problem").await;
    look(&chromium, "sign-in-wrong").await;
    fill_in(&chromium, "ada", PASSWORD).await;
    chromium.at(&app.at("/consent")).await;
    look(&chromium, "consent").await;
    chromium.click("button[value=allow]").await;
    chromium.at(&callback).await;
    chromium.open(&rp.authorize(&[("prompt", Some("select_account")), request[0]])).await;
    chromium.at(&app.at("/select")).await;
    look(&chromium, "select").await;
    chromium.open(&app.at("/")).await;
    look(&chromium, "home").await;
    chromium.open(&app.at("/end_session")).await;
    look(&chromium, "sign-out").await;
    chromium.click("form button").await;
    chromium.at(&app.at("/signed-out")).await;
    look(&chromium, "signed-out").await;
    let mistaken = album.at("/a/callback/that/nobody/registered/and/that/is/rather/long");
    chromium.open(&rp.authorize(&[("redirect_uri", Some(&mistaken))])).await;
    look(&chromium, "error-redirect-uri").await;
    chromium.open(&app.at("/nowhere")).await;
    look(&chromium, "error-not-found").await;
    chromium.finish().await;
    app.finish().await;
}

#[actix_web::test]
async fn the_pages_of_the_demo_fit_every_screen() {
    let demo = Demo::start().await;
    let chromium = Chromium::start().await;
    let (bank, fund) = (&demo.running.bank, &demo.running.fund);
    for (name, site) in [("bank-nobody", bank), ("fund-nobody", fund)] {
        chromium.open(site).await;
        look(&chromium, name).await;
    }
    demo.sign_in(&chromium, bank).await;
    look(&chromium, "bank").await;
    chromium.click("button[value=transfer]").await;
    chromium.shows("#answer .verdict").await;
    chromium.ask("document.querySelectorAll('details').forEach(d => d.open = true)").await;
    look(&chromium, "bank-answer").await;
    chromium.ask("document.querySelector('#trace').scrollIntoView()").await;
    look(&chromium, "bank-trace").await;
    chromium.open(&format!("{fund}/callback?code=x&state=y")).await;
    look(&chromium, "fund-problem").await;
    chromium.finish().await;
    demo.stop().await;
}
