//! Pictures of a run as plain SVG: latency by percentile, and the run over time.
//!
//! Room:       `cli::perf`.
//! Called by:  `report`.
//! Never:      needs a library, a script or the network: the file shows in any browser.

use std::fmt::Write as _;

use super::measure::{Interval, shown_ns};
use super::report::{Report, Side};

/// The picture: two panels for each side that has something to show.
pub fn draw(report: &Report) -> String {
    let mut body = String::new();
    let mut top = 40.0;
    let title = format!("ottla perf {}", report.tool);
    let _ = writeln!(body, "<text x='20' y='24' font-size='16'>{title}</text>");
    if report
        .sides
        .iter()
        .any(|side| !side.counts.latency.is_empty())
    {
        top = latency_panel(&mut body, top, &report.sides);
    }
    for side in &report.sides {
        top = time_panel(&mut body, top, side);
    }
    format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {top}' \
         font-family='sans-serif' font-size='11'>\n\
         <rect width='100%' height='100%' fill='white'/>\n{body}</svg>\n"
    )
}

/// The picture inside a page with the numbers below it.
pub fn page(report: &Report, picture: &str) -> String {
    let text = escape(&report.text());
    format!(
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>\
         <title>ottla perf {}</title></head>\n\
         <body style='max-width:60em;margin:2em auto;font-family:sans-serif'>\n{picture}\
         <pre>{text}</pre>\n</body></html>\n",
        report.tool
    )
}

/// Latency against percentile, both on logarithmic scales: tails get their room.
fn latency_panel(body: &mut String, top: f64, sides: &[Side]) -> f64 {
    let timed: Vec<&Side> = sides
        .iter()
        .filter(|side| !side.counts.latency.is_empty())
        .collect();
    let largest = timed
        .iter()
        .map(|side| side.counts.latency.max())
        .max()
        .unwrap_or(1);
    let smallest = timed
        .iter()
        .map(|side| side.counts.latency.min())
        .min()
        .unwrap_or(1);
    let y = Scale::log(smallest.max(1) as f64, largest.max(2) as f64);
    let panel = Panel { top, y };
    panel.frame(body, "latency by percentile");
    for decade in y.decades() {
        panel.line_at(body, decade, &shown_ns(decade as u64));
    }
    // x counts nines: 0 is the minimum, 1 is p90, 2 is p99 …
    let place = |nines: f64| LEFT + nines / NINES_MAX * PLOT_WIDTH;
    for (n, name) in ["p0", "p90", "p99", "p99.9", "p99.99", "p99.999"]
        .iter()
        .enumerate()
    {
        let x = place(n as f64);
        let bottom = panel.top + PLOT_HEIGHT;
        let _ = writeln!(
            body,
            "<path d='M{x:.1} {:.1}V{bottom:.1}' stroke='#ddd'/>\
             <text x='{x:.1}' y='{:.1}' text-anchor='middle'>{name}</text>",
            panel.top,
            bottom + 14.0
        );
    }
    for (side, color) in timed.iter().zip(COLORS.iter().cycle()) {
        let points = (0..=100).map(|step| {
            let nines = f64::from(step) / 100.0 * NINES_MAX;
            let quantile = 1.0 - 10f64.powf(-nines);
            let ns = side.counts.latency.value_at_quantile(quantile);
            (place(nines), panel.y_of(ns as f64))
        });
        curve(body, points, color);
    }
    legend(
        body,
        &panel,
        timed
            .iter()
            .map(|side| side.name)
            .zip(COLORS.iter().copied().cycle()),
    );
    panel.bottom()
}

/// Records per second, and the 99th percentile where latencies were taken.
fn time_panel(body: &mut String, top: f64, side: &Side) -> f64 {
    let intervals = &side.counts.intervals;
    let rate = |interval: &Interval| interval.records as f64 / interval.seconds;
    let highest = intervals.iter().map(rate).fold(1.0, f64::max);
    let panel = Panel {
        top,
        y: Scale::linear(highest * 1.05),
    };
    panel.frame(body, &format!("{}: records/s over time", side.name));
    for part in 0..=4 {
        let value = highest * f64::from(part) / 4.0;
        panel.line_at(body, value, &format!("{value:.0}"));
    }
    let end = intervals
        .last()
        .map_or(1.0, |interval| interval.at)
        .max(1e-3);
    let x = |interval: &Interval| LEFT + interval.at / end * PLOT_WIDTH;
    let points = intervals
        .iter()
        .map(|interval| (x(interval), panel.y_of(rate(interval))));
    curve(body, points, COLORS[0]);
    let mut names = vec![("records/s", COLORS[0])];
    let worst = intervals
        .iter()
        .map(|interval| interval.p99)
        .max()
        .unwrap_or(0);
    if worst > 0 {
        let y = Scale::linear(worst as f64 * 1.05);
        let over = Panel { top, y };
        let timed = intervals.iter().filter(|interval| interval.max > 0);
        let points = timed.map(|interval| (x(interval), over.y_of(interval.p99 as f64)));
        curve(body, points, COLORS[1]);
        let _ = writeln!(
            body,
            "<text x='{:.1}' y='{:.1}' text-anchor='end' fill='{}'>p99 up to {}</text>",
            LEFT + PLOT_WIDTH,
            top + 14.0,
            COLORS[1],
            shown_ns(worst)
        );
        names.push(("p99", COLORS[1]));
    }
    legend(body, &panel, names.into_iter());
    let _ = writeln!(
        body,
        "<text x='{:.1}' y='{:.1}' text-anchor='end'>{end:.1} s</text>",
        LEFT + PLOT_WIDTH,
        top + PLOT_HEIGHT + 14.0
    );
    panel.bottom()
}

/// A plot area and its vertical scale.
struct Panel {
    top: f64,
    y: Scale,
}

impl Panel {
    fn frame(&self, body: &mut String, title: &str) {
        let _ = writeln!(
            body,
            "<text x='{LEFT}' y='{:.1}' font-size='13'>{}</text>\
             <rect x='{LEFT}' y='{:.1}' width='{PLOT_WIDTH}' height='{PLOT_HEIGHT}' \
             fill='none' stroke='#888'/>",
            self.top - 6.0,
            escape(title),
            self.top
        );
    }

    fn y_of(&self, value: f64) -> f64 {
        self.top + PLOT_HEIGHT * (1.0 - self.y.place(value))
    }

    fn line_at(&self, body: &mut String, value: f64, name: &str) {
        let y = self.y_of(value);
        let _ = writeln!(
            body,
            "<path d='M{LEFT} {y:.1}h{PLOT_WIDTH}' stroke='#ddd'/>\
             <text x='{:.1}' y='{:.1}' text-anchor='end'>{name}</text>",
            LEFT - 6.0,
            y + 4.0
        );
    }

    fn bottom(&self) -> f64 {
        self.top + PLOT_HEIGHT + 50.0
    }
}

/// From values to 0 … 1.
#[derive(Clone, Copy)]
struct Scale {
    low: f64,
    high: f64,
    is_log: bool,
}

impl Scale {
    fn linear(high: f64) -> Self {
        Self {
            low: 0.0,
            high,
            is_log: false,
        }
    }

    /// Whole decades around the values.
    fn log(low: f64, high: f64) -> Self {
        let low = low.log10().floor();
        Self {
            low,
            high: high.log10().ceil().max(low + 1.0),
            is_log: true,
        }
    }

    fn place(&self, value: f64) -> f64 {
        let value = if self.is_log {
            value.max(1.0).log10()
        } else {
            value
        };
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    fn decades(&self) -> impl Iterator<Item = f64> {
        (self.low as i32..=self.high as i32).map(|exponent| 10f64.powi(exponent))
    }
}

fn curve(body: &mut String, points: impl Iterator<Item = (f64, f64)>, color: &str) {
    let mut path = String::new();
    for (n, (x, y)) in points.enumerate() {
        let _ = write!(path, "{}{x:.1} {y:.1}", if n == 0 { "M" } else { "L" });
    }
    let _ = writeln!(
        body,
        "<path d='{path}' fill='none' stroke='{color}' stroke-width='1.5'/>"
    );
}

fn legend<'n>(body: &mut String, panel: &Panel, names: impl Iterator<Item = (&'n str, &'n str)>) {
    for (n, (name, color)) in names.enumerate() {
        let y = panel.top + 16.0 + 16.0 * n as f64;
        let _ = writeln!(
            body,
            "<path d='M{:.1} {:.1}h18' stroke='{color}' stroke-width='2'/>\
             <text x='{:.1}' y='{y:.1}'>{}</text>",
            LEFT + 8.0,
            y - 4.0,
            LEFT + 32.0,
            escape(name)
        );
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

const WIDTH: f64 = 760.0;
const LEFT: f64 = 80.0;
const PLOT_WIDTH: f64 = 660.0;
const PLOT_HEIGHT: f64 = 200.0;
/// The percentile axis ends at p99.999.
const NINES_MAX: f64 = 5.0;
const COLORS: [&str; 4] = ["#1f77b4", "#d62728", "#2ca02c", "#9467bd"];
