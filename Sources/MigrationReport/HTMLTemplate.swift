/// The page's text; values are put in by Mustache, which escapes every one of them.
enum HTMLTemplate {
    static let page = head + verdict + ladder + figures + evidence + comparison + segments + matrix + costs + "</main>\n</body>\n</html>\n"

    private static let head = """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>{{title}}: migration report</title>
        <style>
        {{{style}}}
        </style>
        </head>
        <body>
        <main>

        """

    private static let verdict = """
        <header>
        <p class="kicker">Migration report</p>
        <h1>{{title}}</h1>
        <p class="muted">{{subtitle}}</p>
        </header>
        <section class="verdict {{verdictClass}}">
        <span class="mark" aria-hidden="true">{{mark}}</span>
        <div>
        <p class="sentence">{{sentence}}</p>
        <ul>
        {{#reasons}}
        <li class="strong">{{.}}</li>
        {{/reasons}}
        {{#notes}}
        <li>{{.}}</li>
        {{/notes}}
        </ul>
        </div>
        </section>
        <section class="tiles">
        {{#tiles}}
        <div class="tile {{tone}}"><b>{{value}}</b><span>{{label}}</span></div>
        {{/tiles}}
        </section>

        """

    private static let ladder = """
        <section>
        <h2>Steps and their stages</h2>
        <div class="card scroll">
        <table class="ladder">
        <thead><tr><th></th><th>step</th>{{#stages}}<th class="rung">{{.}}</th>{{/stages}}<th>owner</th><th class="n">entered</th><th class="n">completed</th><th></th><th class="n">hand offs</th><th class="n">backs</th><th class="n">mean time</th></tr></thead>
        <tbody>
        {{#steps}}
        <tr class="{{ownerClass}}"><td class="number">{{number}}</td><td>{{title}}{{#isAdded}} <span class="new">new</span>{{/isAdded}}</td>{{#rungs}}<td class="rung{{#isReached}} reached{{/isReached}}{{#isHere}} here{{/isHere}}"><i title="{{name}}"></i></td>{{/rungs}}<td><span class="chip {{ownerClass}}">{{owner}}</span></td><td class="n">{{entered}}</td><td class="n">{{completed}}</td><td class="barcell"><span class="bar"><span style="width:{{share}}%"></span></span></td><td class="n">{{handOffs}}</td><td class="n">{{handBacks}}</td><td class="n">{{time}}</td></tr>
        {{/steps}}
        </tbody>
        </table>
        </div>
        </section>

        """

    private static let figures = """
        <section class="halves">
        <div>
        <h2>Runs</h2>
        <div class="card scroll">
        <table>
        <thead><tr><th></th>{{#runNames}}<th class="n">{{.}}</th>{{/runNames}}</tr></thead>
        <tbody>
        {{#runRows}}
        <tr><td>{{title}}</td>{{#cells}}<td class="n">{{.}}</td>{{/cells}}</tr>
        {{/runRows}}
        </tbody>
        </table>
        </div>
        </div>
        <div>
        <h2>Where the paths differ</h2>
        <div class="card scroll">
        {{#comparison}}
        <p>{{counts}}</p>
        <table>
        <thead><tr><th>layer</th><th>verdict</th><th class="n">announced</th><th class="n">intended</th><th class="n">ignored</th><th class="n">unexplained</th></tr></thead>
        <tbody>
        {{#layers}}
        <tr class="{{tone}}"><td>{{name}}</td><td>{{verdict}}</td>{{#classes}}<td class="n">{{.}}</td>{{/classes}}</tr>
        {{/layers}}
        </tbody>
        </table>
        {{#hasSigned}}
        <p>Legacy is wrong, and somebody has signed for it:</p>
        <table>
        <thead><tr><th class="n">differences</th><th>what differs</th><th>why</th><th>owner</th><th>until</th><th>shown by</th></tr></thead>
        <tbody>
        {{#signed}}
        <tr class="quiet">{{#cells}}<td>{{.}}</td>{{/cells}}</tr>
        {{/signed}}
        </tbody>
        </table>
        {{/hasSigned}}
        {{#hasCauses}}
        <table>
        <thead><tr><th>step</th><th>state</th><th>first that differs</th><th class="n">entities</th><th>example</th></tr></thead>
        <tbody>
        {{#causes}}
        <tr class="bad"><td>{{step}}</td><td>{{state}}</td><td><code>{{first}}</code></td><td class="n">{{entities}}</td><td>{{example}}</td></tr>
        {{/causes}}
        </tbody>
        </table>
        {{/hasCauses}}
        {{#hasClusters}}
        <table>
        <thead><tr><th>layer</th><th>path</th><th class="n">entities</th><th class="n">unexplained</th><th>example</th></tr></thead>
        <tbody>
        {{#clusters}}
        <tr class="{{tone}}"><td>{{layer}}</td><td><code>{{path}}</code></td><td class="n">{{entities}}</td><td class="n count">{{unexpected}}</td><td>{{example}}</td></tr>
        {{/clusters}}
        </tbody>
        </table>
        {{/hasClusters}}
        {{/comparison}}
        {{^comparison}}
        <p class="muted">Nothing was compared.</p>
        {{/comparison}}
        </div>
        </div>
        </section>

        """

    private static let evidence = """
        {{#hasEvidence}}
        <section>
        <h2>Evidence</h2>
        <div class="card scroll">
        <table>
        <thead><tr><th>step</th><th>ends with</th><th class="n">cases</th><th class="n">mismatches</th><th>gate</th><th class="n">rate is below</th><th class="n">more clean cases</th><th class="n">voided</th></tr></thead>
        <tbody>
        {{#evidence}}
        <tr class="{{tone}}"><td>{{step}}</td><td>{{path}}</td><td class="n">{{cases}}</td><td class="n">{{mismatches}}</td><td>{{gate}}</td><td class="n">{{bound}}</td><td class="n">{{more}}</td><td class="n">{{voided}}</td></tr>
        {{/evidence}}
        </tbody>
        </table>
        <table>
        <thead><tr>{{#gateHead}}<th>{{.}}</th>{{/gateHead}}</tr></thead>
        <tbody>
        {{#gates}}
        <tr class="{{tone}}">{{#cells}}<td>{{.}}</td>{{/cells}}</tr>
        {{/gates}}
        </tbody>
        </table>
        </div>
        </section>
        {{/hasEvidence}}

        """

    private static let comparison = """
        {{#comparison}}
        {{#mismatches}}
        <section class="mismatch">
        <h2>Mismatch: {{entity}} <span class="muted">{{count}}</span></h2>
        <div class="card scroll">
        <table>
        <thead><tr><th>layer</th><th>finding</th><th>path</th><th>control</th><th>candidate</th><th></th></tr></thead>
        <tbody>
        {{#findings}}
        <tr class="{{tone}}"><td>{{layer}}</td><td>{{kind}}</td><td><code>{{path}}</code></td><td><code>{{control}}</code></td><td><code>{{candidate}}</code></td><td class="rule">{{rule}}</td></tr>
        {{/findings}}
        </tbody>
        </table>
        {{#hasTimelines}}
        <table class="timeline">
        <colgroup><col class="at"><col class="who"><col><col class="at"><col class="who"><col></colgroup>
        <thead><tr><th colspan="3">{{controlPath}}</th><th colspan="3">{{candidatePath}}</th></tr></thead>
        <tbody>
        {{#lines}}
        {{#isFolded}}
        <tr class="folded"><td colspan="6">{{folded}}</td></tr>
        {{/isFolded}}
        {{^isFolded}}
        <tr class="{{tone}}">{{#control}}<td class="at">{{at}}</td><td><span class="chip {{owner}}">{{owner}} {{epoch}}</span></td><td class="what"><b>{{what}}</b> <span>{{detail}}</span></td>{{/control}}{{^control}}<td class="none" colspan="3"></td>{{/control}}{{#candidate}}<td class="at right">{{at}}</td><td><span class="chip {{owner}}">{{owner}} {{epoch}}</span></td><td class="what"><b>{{what}}</b> <span>{{detail}}</span></td>{{/candidate}}{{^candidate}}<td class="none right" colspan="3"></td>{{/candidate}}</tr>
        {{/isFolded}}
        {{/lines}}
        </tbody>
        </table>
        {{/hasTimelines}}
        </div>
        </section>
        {{/mismatches}}
        {{#hasMore}}<p class="muted">{{more}}</p>{{/hasMore}}
        {{/comparison}}

        """

    private static let segments = """
        {{#hasSegments}}
        <section>
        <h2>Durable segments</h2>
        <p class="muted">Inputs and outputs by size; <code>lockstep workflow history ID --format json</code> prints them.</p>
        {{#segments}}
        <details class="card scroll"><summary><b>{{workflow}}</b> <span class="muted">{{status}}, {{count}}, run {{run}}</span></summary>
        <table class="audit">
        <thead><tr><th class="n">#</th><th>at</th><th>event</th><th>detail</th><th>by</th></tr></thead>
        <tbody>
        {{#entries}}
        <tr><td class="n">{{event}}</td><td class="at">{{at}}</td><td>{{kind}}</td><td>{{detail}}</td><td>{{identity}}</td></tr>
        {{/entries}}
        </tbody>
        </table>
        </details>
        {{/segments}}
        </section>
        {{/hasSegments}}

        """

    private static let matrix = """
        {{#matrix}}
        <section>
        <h2>Legacy machine</h2>
        <div class="card scroll">
        <p>{{caption}}</p>
        <p class="legend"><i class="h0"></i>handled, never taken <i class="h1"></i>1–9 times <i class="h2"></i>10–99 <i class="h3"></i>100–999 <i class="h4"></i>1,000 and more <i class="i"></i>ignored <i class="ix"></i>ignored, met <i class="u"></i>undefined <i class="ux"></i>undefined, met</p>
        <table class="matrix">
        <thead><tr><th></th>{{#events}}<th><span>{{.}}</span></th>{{/events}}</tr></thead>
        <tbody>
        {{#rows}}
        <tr><th>{{state}}</th>{{#cells}}<td class="{{tone}}" title="{{tip}}"></td>{{/cells}}</tr>
        {{/rows}}
        </tbody>
        </table>
        </div>
        </section>
        {{/matrix}}

        """

    private static let costs = """
        {{#hasCosts}}
        <section>
        <h2>What adding a step costs</h2>
        {{#costs}}
        <div class="card scroll">
        <p>Step {{step}} as rows of the table, and as durable code</p>
        <table>
        <thead><tr><th></th><th class="n">legacy</th><th class="n">durable</th></tr></thead>
        <tbody>
        {{#rows}}
        <tr><td>{{title}}</td>{{#cells}}<td class="n">{{.}}</td>{{/cells}}</tr>
        {{/rows}}
        </tbody>
        </table>
        </div>
        {{/costs}}
        </section>
        {{/hasCosts}}

        """
}
