/// Two timelines line by line, equal entries side by side, long equal stretches folded.
struct TimelineAlignment {
    /// A line of the aligned timelines.
    enum Line: Equatable {
        /// Both did the same.
        case equal(Timeline.Entry, Timeline.Entry)
        /// They did different things here, or only one did something.
        case different(Timeline.Entry?, Timeline.Entry?)
        /// So many equal lines that are not shown.
        case folded(Int)
    }

    let lines: [Line]

    /// Aligns by what happened and its detail; times, owners and epochs may differ. `context` equal lines stay around each difference.
    init(_ control: Timeline, _ candidate: Timeline, context: Int = 2) {
        lines = Self.fold(Self.align(control.entries, candidate.entries), context: context)
    }

    private static func isSame(_ left: Timeline.Entry, _ right: Timeline.Entry) -> Bool {
        left.what == right.what && left.detail == right.detail
    }

    /// Longest common subsequence; the runs between two common entries are paired in order.
    private static func align(_ left: [Timeline.Entry], _ right: [Timeline.Entry]) -> [Line] {
        let lengths = commonLengths(left, right)
        var lines: [Line] = []
        var (onlyLeft, onlyRight): ([Timeline.Entry], [Timeline.Entry]) = ([], [])
        func flush() {
            for index in 0..<max(onlyLeft.count, onlyRight.count) {
                lines.append(
                    .different(index < onlyLeft.count ? onlyLeft[index] : nil, index < onlyRight.count ? onlyRight[index] : nil))
            }
            (onlyLeft, onlyRight) = ([], [])
        }
        var (i, j) = (0, 0)
        while i < left.count || j < right.count {
            if i < left.count, j < right.count, isSame(left[i], right[j]) {
                flush()
                lines.append(.equal(left[i], right[j]))
                (i, j) = (i + 1, j + 1)
            } else if j == right.count || (i < left.count && lengths[i + 1][j] >= lengths[i][j + 1]) {
                onlyLeft.append(left[i])
                i += 1
            } else {
                onlyRight.append(right[j])
                j += 1
            }
        }
        flush()
        return lines
    }

    private static func commonLengths(_ left: [Timeline.Entry], _ right: [Timeline.Entry]) -> [[Int]] {
        var lengths = [[Int]](repeating: [Int](repeating: 0, count: right.count + 1), count: left.count + 1)
        for i in left.indices.reversed() {
            for j in right.indices.reversed() {
                lengths[i][j] = isSame(left[i], right[j]) ? lengths[i + 1][j + 1] + 1 : max(lengths[i + 1][j], lengths[i][j + 1])
            }
        }
        return lengths
    }

    private static func fold(_ lines: [Line], context: Int) -> [Line] {
        var shown = [Bool](repeating: false, count: lines.count)
        for (index, line) in lines.enumerated() {
            guard case .different = line else { continue }
            for near in max(0, index - context)...min(lines.count - 1, index + context) { shown[near] = true }
        }
        var result: [Line] = []
        var hidden: [Line] = []
        func unfold() {
            if hidden.count == 1 { result += hidden } else if !hidden.isEmpty { result.append(.folded(hidden.count)) }
            hidden = []
        }
        for (index, line) in lines.enumerated() {
            if shown[index] {
                unfold()
                result.append(line)
            } else {
                hidden.append(line)
            }
        }
        unfold()
        return result
    }
}
