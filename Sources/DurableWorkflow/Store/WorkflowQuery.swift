import Events

/// A condition on runs in the words of Temporal's list filters: `WorkflowType = 'order' AND ExecutionStatus IN ('Running', 'Blocked')`.
///
/// `=`, `!=`, `<`, `<=`, `>`, `>=`, `IN (…)`, `BETWEEN … AND …`, `STARTS_WITH`, `IS NULL`, `IS NOT NULL`, joined by `AND`, `OR` and
/// parentheses, on `WorkflowId`, `RunId`, `WorkflowType`, `TaskQueue`, `ExecutionStatus`, `StartTime`, `CloseTime`, `HistoryLength`,
/// `HistorySizeBytes` and search attributes by name. A run without a value matches none of the comparisons; a list matches when one of
/// its elements does.
public struct WorkflowQuery: Hashable, Sendable, CustomStringConvertible {
    enum Comparison: Hashable, Sendable { case equal, less, lessOrEqual, greater, greaterOrEqual, startsWith, isNull }

    indirect enum Condition: Hashable, Sendable {
        case all([Condition])
        case any([Condition])
        case not(Condition)
        case compare(String, Comparison, JSONValue)
    }

    /// The most bytes of a condition.
    public static let longest = 1 << 16

    /// As it was written.
    public let description: String
    private let condition: Condition

    /// Reads a condition; throws ``WorkflowQueryError`` with the place that is wrong.
    public init(_ text: String) throws {
        guard text.utf8.count <= Self.longest else {
            throw WorkflowQueryError(description: "query: expected at most \(Self.longest) bytes, found \(text.utf8.count)")
        }
        description = text
        var parser = QueryParser(tokens: try QueryToken.read(text), text: text)
        condition = try parser.whole()
    }

    /// True when it holds for `run`.
    public func matches(_ run: WorkflowRun) -> Bool { Self.holds(condition, run) }

    private static func holds(_ condition: Condition, _ run: WorkflowRun) -> Bool {
        switch condition {
        case .all(let parts): return parts.allSatisfy { holds($0, run) }
        case .any(let parts): return parts.contains { holds($0, run) }
        case .not(let part): return !holds(part, run)
        case .compare(let field, .isNull, _): return (run.value(of: field) ?? .null).isNull
        case .compare(let field, let comparison, let wanted):
            guard let value = run.value(of: field), !value.isNull else { return false }
            return (value.array ?? [value]).contains { compares($0, comparison, run.literal(wanted, of: field)) }
        }
    }

    private static func compares(_ value: JSONValue, _ comparison: Comparison, _ wanted: JSONValue) -> Bool {
        switch comparison {
        case .equal: value == wanted || value.number != nil && value.number == wanted.number
        case .less: isLess(value, wanted)
        case .lessOrEqual: isLess(value, wanted) || compares(value, .equal, wanted)
        case .greater: isLess(wanted, value)
        case .greaterOrEqual: isLess(wanted, value) || compares(value, .equal, wanted)
        case .startsWith: value.string.flatMap { text in wanted.string.map { text.hasPrefix($0) } } ?? false
        case .isNull: false
        }
    }

    private static func isLess(_ left: JSONValue, _ right: JSONValue) -> Bool {
        if let left = left.number, let right = right.number { return left < right }
        if let left = left.string, let right = right.string { return left < right }
        return false
    }
}

/// A query that cannot be read.
public struct WorkflowQueryError: Error, Hashable, Sendable, CustomStringConvertible {
    /// One sentence: where, expected, found.
    public let description: String
}

extension JSONValue {
    fileprivate var number: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }
}

extension WorkflowRun {
    /// What a run has under a name of the query language.
    fileprivate func value(of field: String) -> JSONValue? {
        switch field {
        case "WorkflowId": .string(workflowID)
        case "RunId": .string(runID)
        case "WorkflowType": .string(type)
        case "TaskQueue": .string(taskQueue)
        case "ExecutionStatus": .string(Self.word(status.rawValue))
        case "StartTime": .string(startedAt.description)
        case "CloseTime": closedAt.map { .string($0.description) }
        case "HistoryLength": .integer(length)
        case "HistorySizeBytes": .integer(bytes)
        default: searchAttributes[field]
        }
    }

    /// A literal as it is compared: times in one form, a status in one spelling.
    fileprivate func literal(_ literal: JSONValue, of field: String) -> JSONValue {
        guard let text = literal.string else { return literal }
        switch field {
        case "StartTime", "CloseTime": return Timestamp(text).map { .string($0.description) } ?? literal
        case "ExecutionStatus": return .string(Self.word(text))
        default: return literal
        }
    }

    /// `Canceled`, `cancelled` and the like in one spelling.
    private static func word(_ status: String) -> String { status.lowercased().replacing("cancelled", with: "canceled") }
}

/// A part of a query, and where it stands.
enum QueryToken: Hashable {
    case word(String)
    case literal(JSONValue)
    case sign(String)
    case end

    static func read(_ text: String) throws -> [(QueryToken, Int)] {
        var tokens: [(QueryToken, Int)] = []
        var rest = Array(text)[...]
        while let first = rest.first {
            let place = rest.startIndex
            if first.isWhitespace {
                rest.removeFirst()
            } else if first == "'" || first == "\"" || first == "`" {
                let content = rest.dropFirst().prefix { $0 != first }
                guard rest.count > content.count + 1 else {
                    throw WorkflowQueryError(description: "query, character \(place + 1): expected a closing \(first), found the end")
                }
                tokens.append((first == "`" ? .word(String(content)) : .literal(.string(String(content))), place))
                rest = rest.dropFirst(content.count + 2)
            } else if first.isLetter || first == "_" {
                let word = rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
                tokens.append((.word(String(word)), place))
                rest = rest.dropFirst(word.count)
            } else if first.isNumber || first == "-" {
                let digits = String(rest.prefix { $0.isNumber || $0 == "-" || $0 == "." })
                guard let number = Int(digits).map(JSONValue.integer) ?? Double(digits).map(JSONValue.number) else {
                    throw WorkflowQueryError(description: "query, character \(place + 1): expected a number, found \(digits); quote texts")
                }
                tokens.append((.literal(number), place))
                rest = rest.dropFirst(digits.count)
            } else {
                let sign = ["!=", "<=", ">=", "=", "<", ">", "(", ")", ","].first { String(rest.prefix($0.count)) == $0 }
                guard let sign else {
                    throw WorkflowQueryError(
                        description: "query, character \(place + 1): expected a name, a value or an operator, found \(first)")
                }
                tokens.append((.sign(sign), place))
                rest = rest.dropFirst(sign.count)
            }
        }
        return tokens + [(.end, rest.endIndex)]
    }

    var text: String {
        switch self {
        case .word(let word): word
        case .literal(let value): value.canonicalText
        case .sign(let sign): sign
        case .end: "the end"
        }
    }
}

/// Reads a query: `OR` binds less than `AND`.
private struct QueryParser {
    let tokens: [(QueryToken, Int)]
    let text: String
    private var position = 0
    private var depth = 0

    /// The deepest that parentheses nest; the parser, and whoever asks the condition, call themselves at every level.
    private static let deepest = 64

    init(tokens: [(QueryToken, Int)], text: String) {
        self.tokens = tokens
        self.text = text
    }

    private var next: QueryToken { tokens[min(position, tokens.count - 1)].0 }

    private func error(_ expected: String) -> WorkflowQueryError {
        let place = tokens[min(position, tokens.count - 1)].1
        return WorkflowQueryError(description: "query, character \(place + 1): expected \(expected), found \(next.text)")
    }

    private mutating func takes(_ word: String) -> Bool {
        let isThere: Bool
        switch next {
        case .word(let found): isThere = found.uppercased() == word
        case .sign(let found): isThere = found == word
        default: isThere = false
        }
        if isThere { position += 1 }
        return isThere
    }

    private mutating func require(_ word: String) throws { guard takes(word) else { throw error(word) } }

    mutating func whole() throws -> WorkflowQuery.Condition {
        let condition = try any()
        guard next == .end else { throw error("AND, OR or the end") }
        return condition
    }

    private mutating func any() throws -> WorkflowQuery.Condition {
        var parts = [try all()]
        while takes("OR") { parts.append(try all()) }
        return .any(parts)
    }

    private mutating func all() throws -> WorkflowQuery.Condition {
        var parts = [try one()]
        while takes("AND") { parts.append(try one()) }
        return .all(parts)
    }

    private mutating func one() throws -> WorkflowQuery.Condition {
        if takes("(") {
            depth += 1
            guard depth <= Self.deepest else { throw error("at most \(Self.deepest) levels of parentheses") }
            let inner = try any()
            try require(")")
            depth -= 1
            return inner
        }
        guard case .word(let field) = next else { throw error("a name") }
        position += 1
        return try comparison(of: field)
    }

    private mutating func comparison(of field: String) throws -> WorkflowQuery.Condition {
        if takes("=") { return .compare(field, .equal, try literal()) }
        if takes("!=") { return .all([.not(.compare(field, .isNull, .null)), .not(.compare(field, .equal, try literal()))]) }
        if takes("<") { return .compare(field, .less, try literal()) }
        if takes("<=") { return .compare(field, .lessOrEqual, try literal()) }
        if takes(">") { return .compare(field, .greater, try literal()) }
        if takes(">=") { return .compare(field, .greaterOrEqual, try literal()) }
        if takes("STARTS_WITH") { return .compare(field, .startsWith, try literal()) }
        if takes("IN") { return .any(try list().map { .compare(field, .equal, $0) }) }
        if takes("BETWEEN") {
            let low = try literal()
            try require("AND")
            return .all([.compare(field, .greaterOrEqual, low), .compare(field, .lessOrEqual, try literal())])
        }
        guard takes("IS") else { throw error("an operator like = or IN") }
        let isNot = takes("NOT")
        try require("NULL")
        return isNot ? .not(.compare(field, .isNull, .null)) : .compare(field, .isNull, .null)
    }

    private mutating func list() throws -> [JSONValue] {
        try require("(")
        var values = [try literal()]
        while takes(",") { values.append(try literal()) }
        try require(")")
        return values
    }

    private mutating func literal() throws -> JSONValue {
        if takes("TRUE") { return .bool(true) }
        if takes("FALSE") { return .bool(false) }
        guard case .literal(let value) = next else { throw error("a value; texts stand in quotes") }
        position += 1
        return value
    }
}
