/// Reads one field: `*`, `5`, `1-5`, `*/15`, `1-9/2`, `MON-FRI`, and lists of these.
struct CronFieldReader {
    /// What one element of a list allows.
    struct Part {
        let values: StrideThrough<Int>
        let isAny: Bool
    }

    let dialect: CronExpression.Dialect

    static let months = [
        "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december",
    ]
    static let weekdays = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"]

    func parts(_ field: String, _ range: ClosedRange<Int>, _ name: String, _ names: [String], least: Int = 3) throws -> [Part] {
        // A workflow's list may have empty elements.
        let elements = field.split(separator: ",", omittingEmptySubsequences: dialect == .workflow)
        return try elements.map { element in
            guard let part = part(String(element), range, names, least) else {
                throw ScheduleError("cron field \(name): expected \(range.lowerBound) to \(range.upperBound), found '\(element)'")
            }
            return part
        }
    }

    private func part(_ text: String, _ range: ClosedRange<Int>, _ names: [String], _ least: Int) -> Part? {
        let pieces = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard pieces.count <= 2, let span = span(pieces[0], range, isOpen: pieces.count == 2, names, least) else { return nil }
        let step = pieces.count == 2 ? Int(pieces[1]) : 1
        guard let step, step > 0 else { return nil }
        let isAny = isStar(pieces[0]) && step == 1
        return Part(values: stride(from: span.lowerBound, through: span.upperBound, by: step), isAny: isAny)
    }

    private func isStar(_ text: String) -> Bool { text == "*" || dialect == .workflow && (text == "?" || text.hasPrefix("*-")) }

    private func span(_ text: String, _ range: ClosedRange<Int>, isOpen: Bool, _ names: [String], _ least: Int) -> ClosedRange<Int>? {
        if isStar(text) { return range }
        let ends = text.split(separator: "-", omittingEmptySubsequences: false).map {
            value(String($0), first: range.lowerBound, names, least)
        }
        guard ends.count <= 2, let first = ends[0], range.contains(first) else { return nil }
        if ends.count == 1 { return first...(isOpen ? range.upperBound : first) }
        guard let last = ends[1], range.contains(last), first <= last else { return nil }
        return first...last
    }

    /// A number or a name: three letters in a workflow's cron, the beginning of a name in a schedule's.
    private func value(_ text: String, first: Int, _ names: [String], _ least: Int) -> Int? {
        if let number = Int(text) { return number }
        let word = text.lowercased()
        let isLongEnough = dialect == .workflow ? word.count == 3 : word.count >= least
        guard isLongEnough, let index = names.firstIndex(where: { $0.hasPrefix(word) }) else { return nil }
        return index + first
    }
}
