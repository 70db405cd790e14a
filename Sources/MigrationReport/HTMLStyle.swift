extension HTMLTemplate {
    /// The page's style sheet; every colour is a variable with a light and a dark value.
    static let style = colours + layout + tables + heat

    private static let colours = """
        :root { --page: #f5f6f8; --card: #ffffff; --ink: #1a2130; --muted: #5d6779; --line: #e1e5eb; --track: #d5dae2;
          --legacy: #4a5f8f; --legacy-soft: #e6ebf5; --durable: #0b7a68; --durable-soft: #dcf1ec;
          --good: #1b7a48; --good-soft: #e3f4ea; --bad: #b8322a; --bad-soft: #fbe9e7; --warn: #95610a;
          --h0: #dfeeea; --h1: #9fd3c6; --h2: #54ab98; --h3: #1d7d6b; --h4: #0a5145; --i: #eceef2; --ix: #bcc3cf; }
        @media (prefers-color-scheme: dark) { :root { --page: #10141a; --card: #181e27; --ink: #e4e8ee; --muted: #98a3b4;
          --line: #29313d; --track: #3a4453; --legacy: #93a9dc; --legacy-soft: #232d45; --durable: #4cc3ad; --durable-soft: #163832;
          --good: #5fcf8f; --good-soft: #14301f; --bad: #ff8078; --bad-soft: #3a1c1b; --warn: #e2ab4b;
          --h0: #1d3430; --h1: #1f5a4f; --h2: #2a8575; --h3: #44b7a2; --h4: #8ee6d5; --i: #212833; --ix: #4a5566; } }

        """

    private static let layout = """
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--page); color: var(--ink);
          font: 14px/1.45 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
        main { max-width: 1240px; margin: 0 auto; padding: 28px 20px 56px; }
        h1 { margin: 0; font-size: 24px; line-height: 1.2; }
        h2 { margin: 30px 0 10px; font-size: 16px; }
        h2 .muted { font-weight: 400; margin-left: 6px; }
        p { margin: 0 0 10px; }
        header p { margin: 2px 0; }
        .kicker { color: var(--muted); font-size: 12px; letter-spacing: .06em; text-transform: uppercase; }
        .muted { color: var(--muted); }
        .card { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 14px 16px; }
        .scroll { overflow-x: auto; }
        .verdict { display: flex; gap: 16px; margin-top: 16px; padding: 18px 20px; border-radius: 8px; border: 1px solid; }
        .verdict.good { background: var(--good-soft); border-color: var(--good); }
        .verdict.bad { background: var(--bad-soft); border-color: var(--bad); }
        .verdict .mark { flex: none; width: 34px; height: 34px; border-radius: 50%; color: var(--card); font-size: 19px;
          font-weight: 700; display: grid; place-items: center; }
        .good .mark { background: var(--good); }
        .bad .mark { background: var(--bad); }
        .sentence { margin: 3px 0 0; font-size: 20px; line-height: 1.35; font-weight: 600; }
        .verdict ul { margin: 8px 0 0; padding: 0 0 0 18px; }
        .verdict ul:not(:has(li)) { display: none; }
        .verdict .strong { font-weight: 600; }
        .tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(118px, 1fr)); gap: 12px; margin-top: 14px; }
        .tile { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 12px 14px; }
        .tile b { display: block; font-size: 24px; line-height: 1.2; font-variant-numeric: tabular-nums; }
        .tile span { color: var(--muted); font-size: 12.5px; }
        .tile.bad b { color: var(--bad); }
        .tile.good b { color: var(--good); }
        .tile.warn b { color: var(--warn); }
        .halves { display: grid; grid-template-columns: minmax(0, 2fr) minmax(0, 3fr); gap: 20px; }
        @media (max-width: 860px) { .halves { grid-template-columns: minmax(0, 1fr); } }

        """

    private static let tables = """
        table { border-collapse: collapse; width: 100%; }
        th { text-align: left; font-weight: 500; color: var(--muted); font-size: 12.5px; padding: 3px 8px; white-space: nowrap; }
        td { padding: 5px 8px; border-top: 1px solid var(--line); vertical-align: top; }
        .n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
        code { font: 12.5px/1.4 ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
        details.card { margin-top: 10px; }
        summary { cursor: pointer; }
        .audit { margin-top: 10px; }
        .audit .at { white-space: nowrap; font-variant-numeric: tabular-nums; color: var(--muted); }
        .audit td { overflow-wrap: anywhere; }
        tr.quiet td { color: var(--muted); }
        tr.bad .count, tr.bad .rule { color: var(--bad); font-weight: 600; }
        .rule { white-space: nowrap; }
        .ladder td { vertical-align: middle; }
        .ladder .number { font-weight: 600; font-variant-numeric: tabular-nums; }
        .ladder tr.durable td { background: var(--durable-soft); }
        .new { font-size: 11.5px; color: var(--durable); border: 1px solid var(--durable); border-radius: 4px; padding: 0 5px; }
        .rung { width: 62px; padding: 0; text-align: center; position: relative; }
        .rung i { display: block; width: 9px; height: 9px; margin: 0 auto; border-radius: 50%; border: 2px solid var(--track);
          background: var(--card); position: relative; }
        td.rung::before { content: ""; position: absolute; left: 0; right: 0; top: 50%; height: 2px; margin-top: -1px; background: var(--line); }
        td.rung:nth-child(3)::before { left: 50%; }
        td.rung:nth-child(7)::before { right: 50%; }
        .rung.reached i { border-color: var(--durable); background: var(--durable); }
        .rung.here i { width: 15px; height: 15px; border-color: var(--legacy); background: var(--legacy); }
        tr.durable .rung.here i { border-color: var(--durable); background: var(--durable); }
        .barcell { width: 90px; }
        .bar { display: block; height: 6px; border-radius: 3px; background: var(--line); }
        .bar span { display: block; height: 6px; border-radius: 3px; background: var(--muted); }
        tr.durable .bar { background: var(--track); }
        tr.durable .bar span { background: var(--durable); }
        .chip { display: inline-block; border-radius: 4px; padding: 0 7px; font-size: 12.5px; white-space: nowrap; }
        .chip.legacy { background: var(--legacy-soft); color: var(--legacy); }
        .chip.durable { background: var(--durable-soft); color: var(--durable); }
        tr.durable .chip.durable { background: var(--durable); color: var(--card); }
        .timeline { margin-top: 16px; table-layout: fixed; }
        .timeline th { font-size: 14px; font-weight: 600; color: var(--ink); }
        .timeline td { font-size: 13px; }
        .timeline col.at { width: 116px; }
        .timeline col.who { width: 92px; }
        .timeline td.at { color: var(--muted); font-variant-numeric: tabular-nums; white-space: nowrap; }
        .timeline .right, .timeline th + th { border-left: 1px solid var(--line); padding-left: 14px; }
        .timeline .what { overflow-wrap: anywhere; }
        .timeline .what span { color: var(--muted); }
        .timeline .diff td { background: var(--bad-soft); }
        .timeline .moved td { background: var(--durable-soft); }
        .timeline .moved .chip.durable { background: var(--durable); color: var(--card); }
        .timeline .diff td.none, .timeline .moved td.none { background: none; }
        .folded td { text-align: center; color: var(--muted); font-size: 12.5px; padding: 2px; background: var(--page); }

        """

    private static let heat = """
        .legend { color: var(--muted); font-size: 12.5px; }
        .legend i { display: inline-block; width: 13px; height: 13px; border-radius: 2px; margin: 0 5px -2px 12px; }
        .legend i:first-child { margin-left: 0; }
        .matrix { width: auto; border-collapse: separate; border-spacing: 2px; table-layout: fixed; }
        .matrix thead th { height: 190px; width: 15px; padding: 0; vertical-align: bottom; }
        .matrix thead th:first-child { width: auto; }
        .matrix thead span { writing-mode: vertical-rl; transform: rotate(180deg); font-size: 10px; line-height: 15px; }
        .matrix tbody th { font-size: 10.5px; padding: 0 6px 0 0; line-height: 14px; text-align: right; }
        .matrix td { width: 15px; height: 15px; padding: 0; border: 0; border-radius: 2px; }
        .matrix tr:hover th { color: var(--ink); font-weight: 700; }
        .h0 { background: var(--h0); } .h1 { background: var(--h1); } .h2 { background: var(--h2); }
        .h3 { background: var(--h3); } .h4 { background: var(--h4); }
        .i { background: var(--i); } .ix { background: var(--ix); }
        .u { box-shadow: inset 0 0 0 1px var(--line); } .ux { background: var(--bad); }
        """
}
