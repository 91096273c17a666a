//! The keyboard, key by key.

use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::key::Key;

use super::Chromium;

impl Chromium {
    /// Presses one key.
    pub async fn press(&self, key: Key) {
        self.strike(&[char::from(key)]).await;
    }

    /// Presses one key together with Shift.
    pub async fn press_shifted(&self, key: Key) {
        let (shift, key) = (char::from(Key::Shift), char::from(key));
        let (down, up) = (|value| KeyAction::Down { value }, |value| KeyAction::Up { value });
        self.play(&[down(shift), down(key), up(key), up(shift)]).await;
    }

    /// Types a text wherever the focus is.
    pub async fn write(&self, text: &str) {
        self.strike(&text.chars().collect::<Vec<_>>()).await;
    }

    async fn strike(&self, keys: &[char]) {
        let both = |key: &char| [KeyAction::Down { value: *key }, KeyAction::Up { value: *key }];
        self.play(&keys.iter().flat_map(both).collect::<Vec<_>>()).await;
    }

    async fn play(&self, actions: &[KeyAction]) {
        let keyboard = KeyActions::new("keyboard".into());
        let actions = actions.iter().cloned().fold(keyboard, KeyActions::then);
        self.client.perform_actions(actions).await.unwrap();
    }

    /// What has the focus: its id, else what it says, else what it is.
    pub async fn focused(&self) -> String {
        let focused = "(e => e.id || e.innerText || e.tagName)(document.activeElement)";
        self.ask(focused).await.as_str().unwrap().trim().to_owned()
    }

    /// Checks that a person sees where the focus is.
    pub async fn assert_focus_visible(&self) {
        let seen = "(e => e.matches(':focus-visible') && (s => (s.outlineStyle !== 'none' && \
                    parseFloat(s.outlineWidth) >= 2) || s.boxShadow !== 'none')(getComputedStyle(e)))\
                    (document.activeElement)";
        assert_eq!(self.ask(seen).await, true, "the focus on {} cannot be seen", self.focused().await);
    }
}
