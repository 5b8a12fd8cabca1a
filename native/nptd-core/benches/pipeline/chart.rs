//! Nanoseconds per packet over the number of sessions, as a picture.

use std::fmt::Write;

use crate::report::Report;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 36.0;
const BOTTOM: f64 = 48.0;

/// Sessions and the case that has so many.
const OUTBOUND: [(f64, &str); 7] = [
    (1.0, "nat44-out-1"),
    (1e3, "nat44-out-1k"),
    (16e3, "nat44-out-16k"),
    (64e3, "nat44-out-64k"),
    (256e3, "nat44-out-256k"),
    (1e6, "nat44-out-1m"),
    (4e6, "nat44-out-4m"),
];
const INBOUND: [(f64, &str); 3] = [(1e3, "nat44-in-1k"), (64e3, "nat44-in-64k"), (1e6, "nat44-in-1m")];

/// Draws what has been measured of the curves.
pub fn draw(report: &Report) -> String {
    let points = |cases: &[(f64, &str)]| -> Vec<(f64, f64)> {
        cases.iter().filter_map(|(sessions, case)| Some((*sessions, report.value(case)?))).collect()
    };
    let (outbound, inbound) = (points(&OUTBOUND), points(&INBOUND));
    let most = outbound.iter().chain(&inbound).map(|(_, ns)| *ns).fold(60.0, f64::max);
    let top = (most / 20.0).ceil() * 20.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <title>Nanoseconds per packet over the number of sessions</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"{LEFT}\" y=\"20\">NAT44, established: nanoseconds per packet over sessions</text>\n"
    );
    let steps = 5;
    for step in 0..=steps {
        let ns = top * f64::from(step) / f64::from(steps);
        let at = y(ns, top);
        let _ = writeln!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#ddd\"/>",
            WIDTH - RIGHT
        );
        let _ = writeln!(svg, "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{ns:.0}</text>", LEFT - 8.0, at + 4.0);
    }
    for (sessions, label) in [(1.0, "1"), (1e3, "1 k"), (1e4, "10 k"), (1e5, "100 k"), (1e6, "1 M"), (4e6, "4 M")] {
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{label}</text>",
            x(sessions),
            HEIGHT - BOTTOM + 20.0
        );
    }
    line(&mut svg, &outbound, top, ("#0b6", "outbound", 0.0));
    line(&mut svg, &inbound, top, ("#06b", "inbound", 1.0));
    svg + "</svg>\n"
}

fn line(svg: &mut String, points: &[(f64, f64)], top: f64, (colour, name, row): (&str, &str, f64)) {
    let path: Vec<String> =
        points.iter().map(|(sessions, ns)| format!("{:.1},{:.1}", x(*sessions), y(*ns, top))).collect();
    let _ =
        writeln!(svg, "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>", path.join(" "));
    for (sessions, ns) in points {
        let (at_x, at_y) = (x(*sessions), y(*ns, top));
        let _ = writeln!(svg, "<circle cx=\"{at_x:.1}\" cy=\"{at_y:.1}\" r=\"3\" fill=\"{colour}\"/>");
    }
    let _ =
        writeln!(svg, "<text x=\"{}\" y=\"{}\" fill=\"{colour}\">{name}</text>", LEFT + 12.0, TOP + 16.0 + row * 16.0);
}

fn x(sessions: f64) -> f64 {
    LEFT + sessions.log10() / 4e6_f64.log10() * (WIDTH - LEFT - RIGHT)
}

fn y(ns: f64, top: f64) -> f64 {
    HEIGHT - BOTTOM - ns / top * (HEIGHT - TOP - BOTTOM)
}
