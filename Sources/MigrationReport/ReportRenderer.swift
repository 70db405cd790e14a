import FoundationEssentials

/// Prints a report in one form.
public protocol ReportRenderer: Sendable {
    /// The ending of a file of this form, without the dot.
    var fileExtension: String { get }
    /// The whole text.
    func render(_ report: Report) throws -> String
}

/// The report as JSON with sorted members: the same report gives the same text.
public struct JSONRenderer: ReportRenderer {
    /// A renderer.
    public init() {}

    /// `json`
    public var fileExtension: String { "json" }

    /// The whole text.
    public func render(_ report: Report) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(report), as: UTF8.self) + "\n"
    }
}
