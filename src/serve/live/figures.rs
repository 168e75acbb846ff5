//! The charts, as typed figures: traces, axes, colours, captions. Their points come with every moment: a trace's
//! `meta` names the series it shows (`share/2`: the share of arm 2), and the page puts the points in.

use super::palette::{Ink, Theme, faded};
use crate::allocate::{ArmState, Experiment};
use plotly::common::{DashType, Fill, Font, HoverInfo, Label, Line, Mode};
use plotly::configuration::DisplayModeBar;
use plotly::layout::{Axis, AxisRange, AxisType, DragMode, HoverMode, Layout, Margin};
use plotly::{Configuration, Scatter};
use serde::Serialize;

type Trace = Box<Scatter<f64, f64>>;

/// One chart.
#[derive(Clone, Serialize)]
pub(super) struct Figure {
    pub(super) id: &'static str,
    pub(super) title: String,
    /// How to read it.
    pub(super) caption: String,
    /// Where the names stand: in the bands, at the ends of the lines, or on the axis.
    pub(super) labels: &'static str,
    /// How values are written: `percent` or `number`.
    pub(super) unit: &'static str,
    /// What it is of, in the order of the data table's columns.
    pub(super) rows: Vec<Row>,
    data: Vec<Trace>,
    layout: Layout,
    config: Configuration,
}

/// One arm or model of a chart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Row {
    /// The series of its values.
    pub(super) series: String,
    pub(super) name: String,
    pub(super) colour: &'static str,
}

/// All charts of an experiment in both themes.
#[derive(Clone, Serialize)]
pub(super) struct Figures {
    light: Vec<Figure>,
    dark: Vec<Figure>,
    /// Another value: other arms or models, so the charts are to be fetched anew.
    pub(super) key: u64,
}

struct Sheet<'a> {
    experiment: &'a Experiment,
    models: &'a [String],
    theme: Theme,
    ink: Ink,
    grey: Option<usize>,
}

impl Figures {
    pub(super) fn of(experiment: &Experiment, models: &[String]) -> Self {
        let all = |theme: Theme| {
            let grey = experiment.arm_index(&experiment.config().baseline);
            let sheet = Sheet { experiment, models, theme, ink: theme.ink(), grey };
            vec![sheet.traffic(), sheet.posterior(), sheet.reward(), sheet.score()]
        };
        Self { light: all(Theme::Light), dark: all(Theme::Dark), key: key(experiment, models) }
    }
}

/// Changes when arms, their states or the baseline change.
pub(super) fn key(experiment: &Experiment, models: &[String]) -> u64 {
    let mut text = format!("{}\0{}", experiment.name(), experiment.baseline());
    for arm in experiment.arms() {
        text.push_str(&format!("\0{}\0{}", arm.name, arm.state == ArmState::Retired));
    }
    models.iter().for_each(|m| text.push_str(&format!("\0{m}")));
    // Numbers beyond 2^53 are not whole in a browser.
    xxhash_rust::xxh3::xxh3_64(text.as_bytes()) >> 11
}

/// Whether an arm's reward is a rate, to be read in percent.
pub(super) fn is_rate(experiment: &Experiment) -> bool {
    let table = experiment.config().reward.range();
    experiment.config().reward.binary() && table.1 == 1.0
}

/// plotly reads a little markup in texts: names must not be read so.
fn plain(name: &str) -> String {
    name.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

impl Sheet<'_> {
    fn arms(&self) -> Vec<usize> {
        (0..self.experiment.arms().len()).filter(|&i| self.experiment.arms()[i].state != ArmState::Retired).collect()
    }

    fn name(&self, arm: usize) -> &str {
        &self.experiment.arms()[arm].name
    }

    fn colour(&self, arm: usize) -> &'static str {
        self.theme.arm(arm, self.grey)
    }

    fn dash(&self, arm: usize) -> DashType {
        if arm == self.experiment.baseline() { DashType::Dash } else { DashType::Solid }
    }

    fn rows(&self, series: &str) -> Vec<Row> {
        let row =
            |i: usize| Row { series: format!("{series}/{i}"), name: self.name(i).to_owned(), colour: self.colour(i) };
        self.arms().into_iter().map(row).collect()
    }

    fn axis(&self) -> Axis {
        Axis::new()
            .fixed_range(true)
            .grid_color(self.ink.hairline)
            .line_color(self.ink.hairline)
            .zero_line(false)
            .tick_font(Font::new().size(11).color(self.ink.muted))
            .auto_margin(false)
    }

    fn time_axis(&self) -> Axis {
        self.axis().type_(AxisType::Date).n_ticks(7).tick_angle(0.0).tick_format("%H:%M:%S").hover_format("%H:%M:%S")
    }

    fn layout(&self, right: usize, height: usize) -> Layout {
        let label = Label::new()
            .background_color(self.ink.card)
            .border_color(self.ink.hairline)
            .font(Font::new().size(12).color(self.ink.text));
        Layout::new()
            .height(height)
            .margin(Margin::new().left(52).right(right).top(10).bottom(28))
            .paper_background_color("rgba(0,0,0,0)")
            .plot_background_color("rgba(0,0,0,0)")
            .font(Font::new().family("system-ui, sans-serif").size(12).color(self.ink.text))
            .show_legend(false)
            .drag_mode(DragMode::False)
            .hover_mode(HoverMode::XUnified)
            .hover_label(label)
    }

    fn figure(&self, id: &'static str, title: &str, caption: &str, rows: Vec<Row>, layout: Layout) -> Figure {
        let config = Configuration::new().display_mode_bar(DisplayModeBar::False).responsive(false).scroll_zoom(false);
        let (title, caption) = (title.to_owned(), caption.to_owned());
        Figure { id, title, caption, labels: "ends", unit: "percent", rows, data: Vec::new(), layout, config }
    }

    fn traffic(&self) -> Figure {
        let value = self
            .axis()
            .range(AxisRange::from(vec![Some(0.0), Some(1.0)]))
            .tick_format(".0%")
            .tick_values(vec![0.0, 0.25, 0.5, 0.75, 1.0]);
        // Half of the last time's label stands to the right of the axis.
        let layout = self.layout(30, 280).x_axis(self.time_axis()).y_axis(value);
        let caption = "each arm's share of new assignments; marks show what changed it";
        let mut figure = self.figure("traffic", "Traffic share", caption, self.rows("share"), layout);
        figure.labels = "bands";
        figure.data = self.arms().into_iter().map(|arm| self.band_of_traffic(arm)).collect();
        figure
    }

    fn band_of_traffic(&self, arm: usize) -> Trace {
        Scatter::new(Vec::new(), Vec::new())
            .name(plain(self.name(arm)))
            .meta(format!("share/{arm}"))
            .mode(Mode::Lines)
            .stack_group("shares")
            .line(Line::new().width(0.0).color(self.colour(arm)))
            .fill_color(faded(self.colour(arm), 0.82))
            .hover_template("%{y:.1%}")
    }

    fn posterior(&self) -> Figure {
        let arms = self.arms();
        let place = |at: usize| (arms.len() - 1 - at) as f64;
        let names: Vec<String> = arms.iter().map(|&arm| plain(self.name(arm))).collect();
        let format = if is_rate(self.experiment) { ".1%" } else { ",.3~g" };
        let left = 14 + 7 * arms.iter().map(|&arm| self.name(arm).chars().count().min(16)).max().unwrap_or(4);
        let rows = self
            .axis()
            .range(AxisRange::from(vec![Some(-0.08), Some(arms.len() as f64)]))
            .tick_values((0..arms.len()).map(place).collect())
            .tick_text(names)
            .show_grid(false);
        let layout = self
            .layout(58, 280.max(60 + 42 * arms.len()))
            .margin(Margin::new().left(left).right(58).top(10).bottom(28))
            .hover_mode(HoverMode::False)
            .x_axis(self.axis().n_ticks(5).tick_format(format))
            .y_axis(rows);
        let caption =
            format!("posterior of {} per assignment; at the right, the chance to be best", self.experiment.earns());
        let title = "What each arm is believed to earn";
        let mut figure = self.figure("posterior", title, &caption, self.rows("density"), layout);
        (figure.labels, figure.unit) = ("axis", if is_rate(self.experiment) { "percent" } else { "number" });
        for (at, &arm) in arms.iter().enumerate() {
            let floor = Scatter::new(Vec::new(), vec![place(at); 2])
                .meta(format!("floor/{arm}"))
                .mode(Mode::Lines)
                .line(Line::new().width(1.0).color(self.ink.hairline))
                .hover_info(HoverInfo::Skip);
            let density = Scatter::new(Vec::new(), Vec::new())
                .name(plain(self.name(arm)))
                .meta(format!("density/{arm}"))
                .mode(Mode::Lines)
                .fill(Fill::ToNextY)
                .line(Line::new().width(1.6).color(self.colour(arm)))
                .fill_color(faded(self.colour(arm), 0.28))
                .hover_info(HoverInfo::Skip);
            figure.data.extend([floor, density]);
        }
        figure
    }

    fn reward(&self) -> Figure {
        let (format, unit) = if is_rate(self.experiment) { (".1%", "percent") } else { (",.3~g", "number") };
        let layout = self
            .layout(96, 260)
            .x_axis(self.time_axis())
            .y_axis(self.axis().n_ticks(5).tick_format(format).hover_format(format));
        let caption = format!(
            "mean {} per matured assignment with its 95 % interval, valid at any time; dashed: the baseline",
            self.experiment.earns()
        );
        let mut figure = self.figure("reward", "Reward per arm", &caption, self.rows("mean"), layout);
        figure.unit = unit;
        // Bands first, so that no line lies under one.
        for arm in self.arms() {
            let edge = |series: &str| {
                Scatter::new(Vec::new(), Vec::new())
                    .meta(format!("{series}/{arm}"))
                    .mode(Mode::Lines)
                    .line(Line::new().width(0.0).color(self.colour(arm)))
                    .hover_info(HoverInfo::Skip)
            };
            figure.data.push(edge("lower"));
            figure.data.push(edge("upper").fill(Fill::ToNextY).fill_color(faded(self.colour(arm), 0.1)));
        }
        figure.data.extend(self.arms().into_iter().map(|arm| self.line("mean", arm, format)));
        figure
    }

    fn line(&self, series: &str, arm: usize, format: &str) -> Trace {
        Scatter::new(Vec::new(), Vec::new())
            .name(plain(self.name(arm)))
            .meta(format!("{series}/{arm}"))
            .mode(Mode::Lines)
            .line(Line::new().width(2.0).dash(self.dash(arm)).color(self.colour(arm)))
            .hover_template(format!("%{{y:{format}}}"))
    }

    /// Models that are arms here have the arms' colours; others the ones after.
    fn score(&self) -> Figure {
        let value = self.axis().n_ticks(5).tick_format(".2f").range_mode(plotly::layout::RangeMode::ToZero);
        let layout = self.layout(96, 260).x_axis(self.time_axis()).y_axis(value);
        let caption = "recall@10 of the last half minute: predicted first, learned after";
        let arms = self.experiment.arms();
        let mut rows = Vec::new();
        let mut data = Vec::new();
        let mut beyond = arms.len();
        for model in self.models {
            let arm = self.experiment.arm_index(model);
            if arm.is_some_and(|arm| arms[arm].state == ArmState::Retired) {
                continue;
            }
            let colour = self.colour(arm.unwrap_or(beyond));
            beyond += usize::from(arm.is_none());
            let dash = arm.map_or(DashType::Dot, |arm| self.dash(arm));
            let series = format!("recent/{model}");
            rows.push(Row { series: series.clone(), name: model.clone(), colour });
            let line = Scatter::new(Vec::new(), Vec::new())
                .name(plain(model))
                .meta(series)
                .mode(Mode::Lines)
                .line(Line::new().width(2.0).dash(dash).color(colour))
                .hover_template("%{y:.3f}");
            data.push(line);
        }
        let mut figure = self.figure("score", "How well each model predicts", caption, rows, layout);
        (figure.data, figure.unit) = (data, "number");
        figure
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::allocate::ExperimentConfig;
    use serde_json::{Value, json};

    fn figures(arms: &[&str]) -> (Figures, Value) {
        let experiment = Experiment::new(ExperimentConfig::new("home", arms, arms[0]));
        let models = ["popularity", "mf"].map(str::to_owned);
        let figures = Figures::of(&experiment, &models);
        let json = serde_json::to_value(&figures).expect("plain data");
        (figures, json)
    }

    #[test]
    fn every_chart_has_title_caption_rows_and_named_series_in_both_themes() {
        let (figures, json) = figures(&["popularity", "mf"]);
        for (typed, written) in [(&figures.light, &json["light"]), (&figures.dark, &json["dark"])] {
            let ids: Vec<&str> = typed.iter().map(|f| f.id).collect();
            assert_eq!(ids, ["traffic", "posterior", "reward", "score"]);
            for (figure, written) in typed.iter().zip(written.as_array().expect("a list")) {
                assert!(!figure.title.is_empty() && figure.caption.len() > 20 && figure.rows.len() == 2);
                let metas: Vec<&str> =
                    written["data"].as_array().expect("traces").iter().filter_map(|t| t["meta"].as_str()).collect();
                assert_eq!(metas.len(), written["data"].as_array().expect("traces").len(), "{metas:?}");
                for row in &figure.rows {
                    assert!(metas.contains(&row.series.as_str()), "{} of {}", row.series, figure.id);
                }
                assert_eq!(written["config"]["displayModeBar"], false);
                assert_eq!(written["layout"]["showlegend"], false, "names stand in place");
            }
        }
        assert_ne!(json["light"][0]["data"][1]["fillcolor"], json["dark"][0]["data"][1]["fillcolor"]);
    }

    #[test]
    fn the_baseline_is_grey_and_dashed_and_names_are_no_markup() {
        let (_, json) = figures(&["<b>a</b>", "mf"]);
        let reward = json["light"][2]["data"].as_array().expect("traces");
        let line = |meta: &str| reward.iter().find(|t| t["meta"] == meta).expect("there")["line"].clone();
        assert_eq!(
            (line("mean/0")["dash"].clone(), line("mean/0")["color"].clone()),
            (json!("dash"), json!("#6e7681"))
        );
        assert_eq!(
            (line("mean/1")["dash"].clone(), line("mean/1")["color"].clone()),
            (json!("solid"), json!("#0072b2"))
        );
        assert_eq!(json["light"][0]["data"][0]["name"], "&lt;b&gt;a&lt;/b&gt;");
        assert_eq!(json["light"][1]["layout"]["yaxis"]["ticktext"][0], "&lt;b&gt;a&lt;/b&gt;");
        assert_eq!(json["light"][0]["rows"][0]["name"], "<b>a</b>", "the page writes rows as text");
    }

    #[test]
    fn shares_are_stacked_and_densities_stand_on_their_floors() {
        let (_, json) = figures(&["popularity", "mf"]);
        for trace in json["light"][0]["data"].as_array().expect("traces") {
            assert_eq!(trace["stackgroup"], "shares");
        }
        let posterior = json["light"][1]["data"].as_array().expect("traces");
        assert_eq!(posterior[0]["y"], json!([1.0, 1.0]));
        assert_eq!((&posterior[2]["y"], &posterior[3]["fill"]), (&json!([0.0, 0.0]), &json!("tonexty")));
    }

    #[test]
    fn the_key_follows_the_arms() {
        let (a, _) = figures(&["popularity", "mf"]);
        let (b, _) = figures(&["popularity", "mf", "ncf"]);
        assert_ne!(a.key, b.key);
        assert!(a.key < 1 << 53);
    }
}
