//! Two sign-ins at once in one browser: each tab ends where it began, whichever is first.

use super::stage::{Demo, fill_in};
use crate::support::chromium::Chromium;

/// Opens a sign-in page for each site, in a tab each.
async fn two_forms(demo: &Demo, chromium: &Chromium) -> [fantoccini::wd::WindowHandle; 2] {
    let first = chromium.tab().await;
    demo.to_form(chromium, &demo.running.bank).await;
    let second = chromium.new_tab().await;
    demo.to_form(chromium, &demo.running.fund).await;
    [first, second]
}

#[actix_web::test]
async fn both_tabs_can_be_filled_in_the_later_one_first() {
    let demo = Demo::start().await;
    let chromium = Chromium::start().await;
    let [bank, _fund] = two_forms(&demo, &chromium).await;
    fill_in(&chromium, &demo.ada().login, &demo.ada().password).await;
    demo.arrived(&chromium, &demo.running.fund).await;
    chromium.turn_to(&bank).await;
    fill_in(&chromium, &demo.ada().login, &demo.ada().password).await;
    demo.arrived(&chromium, &demo.running.bank).await;
    chromium.finish().await;
    demo.stop().await;
}

#[actix_web::test]
async fn both_tabs_can_be_filled_in_the_earlier_one_first() {
    let demo = Demo::start().await;
    let chromium = Chromium::start().await;
    let [bank, fund] = two_forms(&demo, &chromium).await;
    chromium.turn_to(&bank).await;
    fill_in(&chromium, &demo.ada().login, &demo.ada().password).await;
    demo.arrived(&chromium, &demo.running.bank).await;
    chromium.turn_to(&fund).await;
    fill_in(&chromium, &demo.ada().login, &demo.ada().password).await;
    demo.arrived(&chromium, &demo.running.fund).await;
    chromium.finish().await;
    demo.stop().await;
}

#[actix_web::test]
async fn a_tab_that_finds_the_person_signed_in_just_continues() {
    let demo = Demo::start().await;
    let chromium = Chromium::start().await;
    let [bank, fund] = two_forms(&demo, &chromium).await;
    let third = chromium.new_tab().await;
    demo.to_form(&chromium, &demo.running.bank).await;
    chromium.turn_to(&fund).await;
    fill_in(&chromium, &demo.ada().login, &demo.ada().password).await;
    demo.arrived(&chromium, &demo.running.fund).await;
    for (tab, site) in [(bank, &demo.running.bank), (third, &demo.running.bank), (fund, &demo.running.fund)] {
        chromium.turn_to(&tab).await;
        chromium.reload().await;
        demo.arrived(&chromium, site).await;
    }
    chromium.finish().await;
    demo.stop().await;
}
