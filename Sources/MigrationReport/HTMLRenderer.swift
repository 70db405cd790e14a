import Mustache

/// The report as one self-contained HTML file: inline style, no script, nothing from the network, light and dark.
public struct HTMLRenderer: ReportRenderer {
    private let limit: Int

    /// A renderer that shows at most `limit` mismatched entities with their timelines.
    public init(showing limit: Int = 25) { self.limit = limit }

    /// `html`
    public var fileExtension: String { "html" }

    /// The whole text.
    public func render(_ report: Report) throws -> String {
        let template = try MustacheTemplate(string: HTMLTemplate.page)
        return template.render(HTMLPage(report, showing: limit))
    }
}
