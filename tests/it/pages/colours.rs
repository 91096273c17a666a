//! Text can be read and controls can be seen, in the light and in the dark scheme.
//!
//! Spec: WCAG 2.2 §1.4.3, §1.4.11

use std::collections::HashMap;

use countersign::web::assets;

/// Text on its ground.
const TEXT: [(&str, &str); 17] = [
    ("ink", "page"),
    ("ink", "card"),
    ("soft", "page"),
    ("soft", "card"),
    ("accent", "page"),
    ("accent", "card"),
    ("accent", "tint"),
    ("accent-deep", "page"),
    ("accent-deep", "card"),
    ("on-accent", "accent"),
    ("on-accent", "accent-deep"),
    ("bad", "card"),
    ("bad", "bad-tint"),
    ("ink", "bad-tint"),
    ("warn", "card"),
    ("warn", "warn-tint"),
    ("ink", "warn-tint"),
];

/// Edges of controls, and the ring around what has the focus.
const EDGES: [(&str, &str); 5] =
    [("edge", "card"), ("edge", "page"), ("accent", "card"), ("accent", "page"), ("bad", "card")];

fn style() -> &'static str {
    let name = assets::style_href("");
    std::str::from_utf8(assets::find(name.trim_start_matches("/assets/")).unwrap().bytes).unwrap()
}

/// Reads the colours of the light scheme, and of the dark one laid over it.
fn schemes() -> [HashMap<String, f64>; 2] {
    let (light, dark) = style().split_once("@media (prefers-color-scheme: dark)").unwrap();
    let dark = dark.split_once("\n}").unwrap().0;
    let light = luminances(light);
    let mut over = light.clone();
    over.extend(luminances(dark));
    assert_eq!(light.len(), over.len(), "a colour exists in one scheme only");
    [light, over]
}

fn luminances(block: &str) -> HashMap<String, f64> {
    let declarations = block.lines().filter_map(|line| line.trim().strip_prefix("--")?.split_once(": #"));
    declarations.map(|(name, hex)| (name.to_owned(), luminance(hex.trim_end_matches(';')))).collect()
}

fn luminance(hex: &str) -> f64 {
    let channel = |at: usize| {
        let value = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
}

fn contrast(a: f64, b: f64) -> f64 {
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn contrast_is_sufficient_in_both_schemes() {
    for (scheme, colours) in ["light", "dark"].iter().zip(schemes()) {
        for (pairs, least) in [(&TEXT[..], 4.5), (&EDGES[..], 3.0)] {
            for (front, ground) in pairs {
                let found = contrast(colours[*front], colours[*ground]);
                assert!(found >= least, "{scheme}: {front} on {ground} has {found:.2}, needs {least}");
            }
        }
    }
}

#[test]
fn colours_are_named_once() {
    let (_, rules) = style().split_once("/* Ground */").unwrap();
    assert!(!rules.contains('#'), "a rule has a colour of its own, which the contrast test cannot see");
}

#[test]
fn the_style_loads_nothing() {
    assert!(!style().contains("url(") && !style().contains("@import") && !style().contains("@font-face"));
}
