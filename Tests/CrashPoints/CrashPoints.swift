import Foundation
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A place at which the process can be killed.
package struct CrashPoint: Hashable, Sendable, CustomStringConvertible {
    /// On which side of the call.
    package enum Side: String, Sendable {
        case before, after
    }

    /// Its place in the order of the run, from 1.
    package var number: Int
    /// The call.
    package var call: PortCall
    /// Before it, or after it.
    package var side: Side
    /// Whom or what the call is about: an entity, a segment, an effect's key, a setting's name.
    package var subject: String

    init(number: Int, call: PortCall, side: Side, subject: String) {
        self.number = number
        self.call = call
        self.side = side
        self.subject = subject
    }

    /// Reads ``description``; nil when `text` has another form.
    package init?(_ text: String) {
        let parts = text.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 4, let number = Int(parts[0]), let side = Side(rawValue: parts[1]), let call = PortCall(rawValue: parts[2])
        else { return nil }
        self.init(number: number, call: call, side: side, subject: parts[3])
    }

    /// Number, side, call and subject, with tabulators between them.
    package var description: String { "\(number)\t\(side.rawValue)\t\(call.rawValue)\t\(subject)" }
}

/// Numbers every port call of a run, and kills the process at the one that is asked for.
final class CrashPoints: Sendable {
    private let fatal: Int?
    private let epitaph: String
    private let passed = Mutex<[CrashPoint]>([])
    /// Many times what a run needs: one that comes here will not come to its end.
    private let limit: Int

    /// Kills at point `fatal`; the file `epitaph` then names the point.
    init(fatal: Int?, epitaph: String, limit: Int = 5_000) {
        self.fatal = fatal
        self.epitaph = epitaph
        self.limit = limit
    }

    /// The points so far, in order.
    var points: [CrashPoint] { passed.withLock { $0 } }

    /// Makes a call, with its points around it; one that throws may have had its consequences too.
    func around<Value, Failure: Error>(
        _ call: PortCall, _ subject: String = "", _ body: () async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        pass(call, .before, subject)
        defer { if call.hasConsequences { pass(call, .after, subject) } }
        return try await body()
    }

    private func pass(_ call: PortCall, _ side: CrashPoint.Side, _ subject: String) {
        let point = passed.withLock { points in
            let point = CrashPoint(number: points.count + 1, call: call, side: side, subject: subject)
            points.append(point)
            return point
        }
        if point.number == fatal { die(at: point) }
        if point.number == limit { giveUp(at: point) }
    }

    private func die(at point: CrashPoint) {
        try? Data(point.description.utf8).write(to: URL(filePath: epitaph))
        kill(getpid(), SIGKILL)
    }

    private func giveUp(at point: CrashPoint) {
        try? FileHandle.standardError.write(contentsOf: Data("expected the run to end, found it going on at \(point)\n".utf8))
        exit(4)
    }
}
