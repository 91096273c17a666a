//! Pages stay right for everybody: on a narrow screen, enlarged, with large text, in forced colours, without
//! motion. Each sample page is looked at in every language.
//!
//! Spec: WCAG 2.2 §1.4.4, §1.4.10, §1.4.11, §2.3.3, §2.4.7

use crate::browser::gallery::Gallery;
use crate::support::chromium::{Chromium, Profile, ScreenSize};

#[actix_web::test]
async fn no_page_scrolls_sideways_on_a_narrow_screen_or_enlarged() {
    let (gallery, chromium) = (Gallery::open(), Chromium::start().await);
    for name in &gallery.names {
        chromium.open(&gallery.at(name)).await;
        chromium.on_screen(ScreenSize(320, 640)).await;
        chromium.assert_fits().await;
        chromium.zoomed_twice(ScreenSize(1280, 900)).await;
        chromium.assert_fits().await;
    }
    chromium.finish().await;
}

#[actix_web::test]
async fn no_page_scrolls_sideways_when_text_alone_is_twice_as_large() {
    let large = Profile { text: 32, ..Profile::default() };
    let (gallery, chromium) = (Gallery::open(), Chromium::start_with(large).await);
    for name in &gallery.names {
        chromium.open(&gallery.at(name)).await;
        for screen in [ScreenSize(320, 640), ScreenSize(1280, 900)] {
            chromium.on_screen(screen).await;
            chromium.assert_fits().await;
        }
    }
    let size = chromium.ask("getComputedStyle(document.querySelector('main p')).fontSize").await;
    assert_eq!(size, "32px", "the text was not larger");
    chromium.finish().await;
}

/// Goes to every control; tells what cannot be seen of it.
const UNSEEN: &str = "[...document.querySelectorAll('a, button, input:not([type=hidden])')].flatMap(e => {
        e.focus();
        const s = getComputedStyle(e), name = e.id || e.innerText, faults = [];
        if (document.activeElement !== e) faults.push('takes no focus');
        if (s.outlineStyle === 'none' || parseFloat(s.outlineWidth) < 2) faults.push('shows no focus');
        if (s.outlineColor === getComputedStyle(document.body).backgroundColor) faults.push('has the ground around it');
        const edged = e.matches('.button, .field input');
        if (edged && (s.borderTopStyle === 'none' || parseFloat(s.borderTopWidth) < 1)) faults.push('has no edge');
        if (e.matches('[aria-invalid]') && parseFloat(s.borderTopWidth) < 2) faults.push('looks right');
        return faults.map(fault => name + ' ' + fault);
    }).concat([...document.querySelectorAll('.alert, .notice, .initial')].flatMap(e =>
        getComputedStyle(e).borderTopStyle === 'none' ? [e.className + ' has no edge'] : []))";

#[actix_web::test]
async fn focus_edges_and_state_are_seen_in_forced_colours() {
    let (gallery, chromium) = (Gallery::open(), Chromium::start().await);
    for name in &gallery.names {
        chromium.open(&gallery.at(name)).await;
        chromium.with_preferences(&[("forced-colors", "active")]).await;
        chromium.run("document.getAnimations().forEach(a => a.finish())").await;
        let unseen = chromium.ask(UNSEEN).await;
        assert_eq!(unseen, serde_json::json!([]), "{name}");
    }
    chromium.finish().await;
}

/// Tells what moves by itself, or would when it changes. `arm` shows the Allow button after a moment and moves nothing.
const MOVING: &str = "[...document.querySelectorAll('*')].filter(e => {
        const s = getComputedStyle(e);
        return !['none', 'arm'].includes(s.animationName) || s.transitionDuration.split(', ').some(d => d !== '0s');
    }).map(e => e.tagName + '.' + e.className)";

#[actix_web::test]
async fn nothing_moves_when_less_motion_is_asked_for() {
    let (gallery, chromium) = (Gallery::open(), Chromium::start().await);
    chromium.open(&gallery.at("interstitial")).await;
    assert_ne!(chromium.ask(MOVING).await, serde_json::json!([]), "there is nothing to stop");
    for name in &gallery.names {
        chromium.open(&gallery.at(name)).await;
        chromium.with_preferences(&[("prefers-reduced-motion", "reduce")]).await;
        assert_eq!(chromium.ask(MOVING).await, serde_json::json!([]), "{name}");
    }
    chromium.finish().await;
}
