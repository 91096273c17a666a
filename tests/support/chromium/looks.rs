//! How a page looks: on which screen, in which colours, and whether it fits.

use std::path::Path;

use serde_json::json;

use super::Chromium;

/// Width and height in pixels.
#[derive(Clone, Copy, Debug)]
pub struct ScreenSize(pub u32, pub u32);

/// Which colours the person prefers.
#[derive(Clone, Copy, Debug)]
pub enum Look {
    Light,
    Dark,
}

impl Look {
    pub fn name(self) -> &'static str {
        match self {
            Look::Light => "light",
            Look::Dark => "dark",
        }
    }
}

impl Chromium {
    pub async fn on_screen(&self, ScreenSize(width, height): ScreenSize) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.cdp("Emulation.setDeviceMetricsOverride", metrics).await;
        self.until(format!("innerWidth === {width}")).await;
    }

    /// As on a screen that is twice as fine, where everything is drawn twice as large.
    pub async fn zoomed_twice(&self, ScreenSize(width, height): ScreenSize) {
        let metrics =
            json!({ "width": width / 2, "height": height / 2, "deviceScaleFactor": 2, "mobile": false });
        self.cdp("Emulation.setDeviceMetricsOverride", metrics).await;
        self.until(format!("innerWidth === {} && devicePixelRatio === 2", width / 2)).await;
    }

    /// What the person asked the whole system for, such as `forced-colors`.
    pub async fn with_preferences(&self, preferences: &[(&str, &str)]) {
        let features: Vec<_> =
            preferences.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
        self.cdp("Emulation.setEmulatedMedia", json!({ "features": features })).await;
        for (name, value) in preferences {
            self.until(format!("matchMedia('({name}: {value})').matches")).await;
        }
    }

    pub async fn in_colours(&self, look: Look) {
        let features = json!([{ "name": "prefers-color-scheme", "value": look.name() }]);
        self.cdp("Emulation.setEmulatedMedia", json!({ "features": features })).await;
        // Colours fade into one another: a picture is of where they arrive.
        let arrived = "document.getAnimations().every(a => a.playState === 'finished')";
        self.until(format!("matchMedia('(prefers-color-scheme: {})').matches && {arrived}", look.name()))
            .await;
    }

    /// Checks that nobody has to scroll sideways, and names what sticks out.
    pub async fn assert_fits(&self) {
        let wider = "[...document.querySelectorAll('body *')]\
                     .filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)\
                     .map(e => e.tagName + '.' + e.className + '#' + e.id).slice(0, 8)";
        let fits = self.ask("document.documentElement.scrollWidth <= innerWidth").await;
        assert_eq!(fits, true, "{} scrolls sideways: {}", self.url().await, self.ask(wider).await);
    }

    /// Keeps a picture of what is on the screen.
    pub async fn picture(&self, file: &Path) {
        std::fs::write(file, self.client.screenshot().await.unwrap()).unwrap();
    }
}
