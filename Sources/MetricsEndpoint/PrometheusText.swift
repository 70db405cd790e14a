/// A label of a series.
struct Label: Hashable, Comparable, Sendable {
    let name: String
    let value: String

    static func < (left: Label, right: Label) -> Bool { (left.name, left.value) < (right.name, right.value) }
}

extension [Label] {
    static func < (left: [Label], right: [Label]) -> Bool { left.lexicographicallyPrecedes(right) }
}

/// The text exposition format.
enum PrometheusText {
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    struct Family {
        let name: String
        let kind: String
        let help: String
        let samples: [Sample]
    }

    struct Sample {
        let name: String
        let labels: [Label]
        let value: Double
    }

    static func text(_ families: [Family]) -> String {
        var text = ""
        for family in families {
            if !family.help.isEmpty { text += "# HELP \(family.name) \(escapedHelp(family.help))\n" }
            text += "# TYPE \(family.name) \(family.kind)\n"
            for sample in family.samples { text += line(sample) }
        }
        return text
    }

    private static func line(_ sample: Sample) -> String {
        let labels = sample.labels.map { "\($0.name)=\"\(escapedValue($0.value))\"" }.joined(separator: ",")
        return "\(sample.name)\(labels.isEmpty ? "" : "{\(labels)}") \(number(sample.value))\n"
    }

    /// Whole numbers without a fraction; `+Inf`, `-Inf`, `NaN`.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if let whole = Int64(exactly: value), abs(whole) < 1 << 53 { return String(whole) }
        return "\(value)"
    }

    static func escapedHelp(_ text: String) -> String { escaped(text, quotes: false) }
    static func escapedValue(_ text: String) -> String { escaped(text, quotes: true) }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"" where quotes: result += "\\\""
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// A name with an underscore for everything that the format does not allow.
    static func metricName(_ name: String) -> String { cleaned(name, allowed: "_:") }
    static func labelName(_ name: String) -> String { cleaned(name, allowed: "_") }

    private static func cleaned(_ name: String, allowed: String) -> String {
        let cleaned = String(
            name.map { $0.isASCII && ($0.isLetter || $0.isNumber) || allowed.contains($0) ? $0 : "_" })
        return cleaned.first.map { !$0.isNumber } ?? false ? cleaned : "_" + cleaned
    }
}
