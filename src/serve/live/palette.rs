//! Colours: fixed per arm for ever, from Okabe and Ito's set, with values of their own for light and dark.

/// A theme of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Theme {
    Light,
    Dark,
}

/// Grey, for the arm that the configuration names as the baseline.
const GREY: (&str, &str) = ("#6e7681", "#9aa0a8");

/// The others, by how well they are told apart; light and dark.
const ARMS: [(&str, &str); 7] = [
    ("#0072b2", "#56b4e9"),
    ("#d55e00", "#e69f00"),
    ("#009e73", "#4ccba4"),
    ("#aa4f86", "#d99ac2"),
    ("#3a8fbf", "#8fc9f0"),
    ("#b37c00", "#f0c24d"),
    ("#8a7d00", "#f0e442"),
];

/// The colours that are not an arm's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ink {
    pub(super) text: &'static str,
    pub(super) muted: &'static str,
    pub(super) hairline: &'static str,
    pub(super) card: &'static str,
}

impl Theme {
    pub(super) const fn ink(self) -> Ink {
        match self {
            Self::Light => Ink { text: "#1c1e21", muted: "#5f666e", hairline: "#e6e6e3", card: "#ffffff" },
            Self::Dark => Ink { text: "#e8eaed", muted: "#9aa0a8", hairline: "#2e3135", card: "#1c1e21" },
        }
    }

    /// The colour of an arm: grey for the configured baseline, else by its place among the others.
    pub(super) const fn arm(self, arm: usize, grey: Option<usize>) -> &'static str {
        let pair = match grey {
            Some(baseline) if baseline == arm => GREY,
            Some(baseline) if arm > baseline => ARMS[(arm - 1) % ARMS.len()],
            _ => ARMS[arm % ARMS.len()],
        };
        match self {
            Self::Light => pair.0,
            Self::Dark => pair.1,
        }
    }
}

/// `#rrggbb` with an opacity.
pub(super) fn faded(colour: &str, opacity: f64) -> String {
    let part = |from: usize| u8::from_str_radix(colour.get(from..from + 2).unwrap_or("80"), 16).unwrap_or(128);
    format!("rgba({},{},{},{opacity})", part(1), part(3), part(5))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arm_keeps_its_colour_when_others_come() {
        let first: Vec<&str> = (0..4).map(|arm| Theme::Light.arm(arm, Some(0))).collect();
        assert_eq!(first, ["#6e7681", "#0072b2", "#d55e00", "#009e73"]);
        assert_eq!(Theme::Dark.arm(1, Some(0)), "#56b4e9");
        assert_eq!(Theme::Light.arm(0, Some(2)), "#0072b2");
        assert_eq!(Theme::Light.arm(2, Some(2)), GREY.0);
        assert_eq!(Theme::Light.arm(3, Some(2)), "#009e73");
        assert_eq!(faded("#0072b2", 0.2), "rgba(0,114,178,0.2)");
    }

    /// What is drawn as a line or a mark stands out from its card by 3 : 1 (WCAG 1.4.11), text by 4.5 : 1 (1.4.3).
    #[test]
    fn contrasts_are_enough() {
        let channel = |c: &str, from: usize| {
            let v = f64::from(u8::from_str_radix(&c[from..from + 2], 16).expect("hex")) / 255.0;
            if v <= 0.040_45 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
        };
        let light = |c: &str| 0.2126 * channel(c, 1) + 0.7152 * channel(c, 3) + 0.0722 * channel(c, 5);
        let contrast = |a: &str, b: &str| {
            let (a, b) = (light(a), light(b));
            (a.max(b) + 0.05) / (a.min(b) + 0.05)
        };
        for theme in [Theme::Light, Theme::Dark] {
            let ink = theme.ink();
            for arm in 0..8 {
                let colour = theme.arm(arm, Some(0));
                assert!(contrast(colour, ink.card) >= 3.0, "{theme:?} {colour}: {}", contrast(colour, ink.card));
            }
            for text in [ink.text, ink.muted] {
                assert!(contrast(text, ink.card) >= 4.5, "{theme:?} {text}");
            }
        }
    }
}
