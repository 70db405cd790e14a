import Events
import Foundation
import MigrationReport
import Outcomes
import Testing

@Suite("The renderers")
struct RendererTests {
    static let hostile = "<script>alert('x')</script> \"&\" |`*"

    private func position(_ text: String, in page: String) throws -> String.Index {
        try #require(page.range(of: text), "the page has no '\(text)'").lowerBound
    }

    @Test("HTML says the verdict first, then steps, figures, mismatches and the matrix")
    func order() throws {
        let page = try HTMLRenderer().render(SampleReport.report())
        let parts = [
            "Not safe to move on", "Steps and their stages", "Runs", "Mismatch: R-000042", "Durable segments", "Legacy machine",
            "What adding a step costs",
        ]
        let places = try parts.map { try position($0, in: page) }
        #expect(places == places.sorted())
    }

    @Test("HTML is one file: nothing is fetched, nothing is run")
    func selfContained() throws {
        let page = try HTMLRenderer().render(SampleReport.report())
        for forbidden in ["http://", "https://", "<script", "<link", "<img", "@import", "url(", "src=", "{{", "}}"] {
            #expect(!page.contains(forbidden), "the page contains '\(forbidden)'")
        }
        #expect(page.contains("prefers-color-scheme: dark"))
    }

    @Test("HTML escapes every value")
    func escapesHTML() throws {
        let page = try HTMLRenderer().render(SampleReport.report(hostile: Self.hostile))
        #expect(!page.contains("<script>"))
        #expect(!page.contains("'x'"))
        #expect(page.components(separatedBy: "&lt;script&gt;alert(").count >= 5)
    }

    @Test("HTML shows every step, every cell and both timelines")
    func complete() throws {
        let report = SampleReport.report()
        let page = try HTMLRenderer().render(report)
        for step in report.plan.steps { #expect(page.contains("<td class=\"number\">\(step.step)</td>")) }
        #expect(page.components(separatedBy: "<td class=\"rung").count - 1 == 5 * report.plan.steps.count)
        #expect(page.components(separatedBy: " here\"").count - 1 == report.plan.steps.count)
        let cells = SampleReport.states.count * SampleReport.events.count
        #expect(page.components(separatedBy: " × ").count - 1 >= cells)
        for text in [
            "content.approved", "content.rejected", "hand off", "equal entries", "durable 2", "canary", "durable for 10 %",
            "R-000042/2", "activityTaskFailed", "timeout ← refused", "worker-1",
        ] {
            #expect(page.contains(text), "the page has no '\(text)'")
        }
    }

    @Test("every form names the types that nobody reads, escaped")
    func unread() throws {
        let report = SampleReport.report(unread: ["tcr BRAND_FEEDBACK": 11, "twilio <b>": 1])
        let sentence = "12 events of 2 types that nobody reads"
        let (html, text) = (try HTMLRenderer().render(report), try MarkdownRenderer().render(report))
        #expect(html.contains(sentence) && html.contains("nobody reads: twilio &lt;b&gt;"))
        #expect(text.contains(sentence) && text.contains("| nobody reads: tcr BRAND\\_FEEDBACK | 11 | 11 |"))
        #expect(try JSONRenderer().render(report).contains("\"tcr BRAND_FEEDBACK\" : 11"))
    }

    @Test("every form says what adding a step costs on either side")
    func costs() throws {
        let report = SampleReport.report()
        let (html, text) = (try HTMLRenderer().render(report), try MarkdownRenderer().render(report))
        #expect(report.costs.first?.rows.count == 10)
        for row in try #require(report.costs.first).rows {
            let (legacy, durable) = (row.legacy == 1290 ? "1,290" : row.legacy == 1436 ? "1,436" : "\(row.legacy)", "\(row.durable)")
            #expect(html.contains("<td>\(row.title)</td><td class=\"n\">\(legacy)</td><td class=\"n\">\(durable)</td>"))
            #expect(text.contains("| \(row.title) | \(legacy) | \(durable) |"))
        }
        let json = try JSONValue(parsing: try JSONRenderer().render(report))
        #expect(json["costs"]?.array?.first?["legacy"]?["table"]?["rowsChanged"] == 13)
        var without = report
        without.costs = []
        #expect(
            try !HTMLRenderer().render(without).contains("adding a step") && !MarkdownRenderer().render(without).contains("adding a step"))
    }

    @Test("HTML shows no more mismatches than asked for and says how many are left")
    func limited() throws {
        let page = try HTMLRenderer(showing: 1).render(SampleReport.report())
        #expect(!page.contains("Mismatch: R-000777"))
        #expect(page.contains("1 more mismatched entity"))
    }

    @Test("a report without comparison and matrix is rendered too")
    func bare() throws {
        let report = Report(
            title: "t", generatedAt: .distantPast, plan: PlanProgress(SampleReport.plan), runs: [RunFigures(mode: "hybrid", entities: 0)])
        let page = try HTMLRenderer().render(report)
        #expect(page.contains("Not safe to move on: the two paths have not been compared."))
        #expect(page.contains("Nothing was compared."))
        #expect(!page.contains("Legacy machine"))
        #expect(try MarkdownRenderer().render(report).hasPrefix("**Not safe to move on"))
    }

    @Test("Markdown begins with the verdict and escapes what tables and HTML would read")
    func markdown() throws {
        let text = try MarkdownRenderer().render(SampleReport.report(hostile: Self.hostile))
        #expect(text.hasPrefix("**Not safe to move on: 2 of 1,204 compared entities differ"))
        #expect(!text.contains("<script>"))
        #expect(text.contains("| 5.2 | Secondary vetting (new) | durable | durable | 1,160 | 1,151 | 1,163 | 1,160 | 3.7 h |"))
        let rows = text.split(separator: "\n").filter { $0.contains("extra") && $0.contains("campaignVettingFee") }
        #expect(rows.contains { $0.replacing("\\|", with: "").count { $0 == "|" } == 6 })
        #expect(text.contains("1,794") == false)
        #expect(text.contains("39 states × 46 events"))
        #expect(text.contains("| 5 | 2026-06-01 09:00:00 | activityTaskScheduled | vetting.order, input 486 bytes |  |"))
    }

    @Test("JSON is the report itself and says the same every time")
    func json() throws {
        let report = SampleReport.report()
        let text = try JSONRenderer().render(report)
        #expect(try JSONRenderer().render(report) == text)
        #expect(try JSONDecoder().decode(Report.self, from: Data(text.utf8)) == report)
        let value = try JSONValue(parsing: text)
        #expect(value["verdict"]?["isSafe"] == false)
        #expect(value["comparison"]?["mismatched"] == 2)
        #expect(value["plan"]?["steps"]?.array?.count == 11)
    }

    @Test("writes the page for a look at it, where asked to")
    func page() throws {
        guard let path = ProcessInfo.processInfo.environment["LOCKSTEP_REPORT_PAGE"] else { return }
        try Data(try HTMLRenderer().render(SampleReport.report()).utf8).write(to: URL(filePath: path))
    }
}
