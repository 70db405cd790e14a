public import Events
import HybridRouter

/// What goes wrong in a simulated run.
public enum Fault: String, Codable, Hashable, Sendable, CaseIterable {
    /// The process dies at a port call, before it or after it.
    case crash
    /// The process dies in a commit whose last page is torn: the transaction is not there after the restart.
    case tornPage
    /// Nothing can be written for some minutes; reads go on.
    case diskFull
    /// A read or a commit fails, and nobody knows whether the commit was made: the process starts again and reads what is there.
    case ioError
    /// Another process holds the database: a write fails, nothing was done.
    case busy
    /// A webhook is delivered twice.
    case duplicate
    /// A webhook is never delivered.
    case loss
    /// A webhook is delivered late.
    case delay
    /// Of the deliveries that are due, another one comes first.
    case reorder
    /// The wall clock jumps forward or back by up to a day, and is set right some hours later.
    case clockJump
    /// A party does not answer in time; nothing was done.
    case slow
    /// A party answers 429.
    case tooManyRequests
    /// A party does what it is asked, and its answer is lost.
    case responseLost
    /// The plan changes while entities are in flight.
    case planChange
    /// An operator recalls an entity, sometimes in the middle of an outward call.
    case recall
    /// An operator has an entity adopted inside its step.
    case adoption
    /// An operator halts the migration, and resumes it later.
    case halt
}

/// How often each fault strikes, as a share of its occasions (port calls, deliveries, scheduler steps).
public struct FaultRates: Hashable, Sendable {
    /// The shares, 0 to 1; a fault that is not named never strikes.
    public var shares: [Fault: Double]

    /// Rates.
    public init(_ shares: [Fault: Double]) { self.shares = shares }

    /// Nothing goes wrong.
    public static let none = FaultRates([:])
    /// Everything goes wrong now and then: `share` at every port call and delivery, operators and restarts less often.
    public static func every(_ share: Double) -> FaultRates {
        FaultRates(
            Dictionary(
                Fault.allCases.map { fault in
                    switch fault {
                    case .crash, .tornPage, .ioError, .diskFull: (fault, share / 50)
                    case .clockJump, .planChange, .halt: (fault, share / 500)
                    case .recall, .adoption: (fault, share / 10)
                    default: (fault, share)
                    }
                }, uniquingKeysWith: { $1 }))
    }

    /// Reads `crash=0.001,busy=0.01`, `none`, or `all=0.01`. Throws a sentence when a name or share is unknown.
    public init(parsing text: String) throws(TraceError) {
        self.init([:])
        guard text != "none" else { return }
        for part in text.split(separator: ",") {
            let words = part.split(separator: "=", maxSplits: 1).map(String.init)
            guard words.count == 2, let share = Double(words[1]), (0...1).contains(share) else {
                throw TraceError("faults: expected NAME=SHARE with a share from 0 to 1, found '\(part)'")
            }
            if words[0] == "all" {
                self = .every(share)
                continue
            }
            guard let fault = Fault(rawValue: words[0]) else {
                let known = Fault.allCases.map(\.rawValue).joined(separator: ", ")
                throw TraceError("faults: expected all or one of \(known), found '\(words[0])'")
            }
            shares[fault] = share
        }
    }

    /// The share of a fault.
    public subscript(fault: Fault) -> Double { shares[fault] ?? 0 }
}

/// The process has died: nothing of it runs any more.
struct SimulatedCrash: EnvironmentFailure {}

/// The storage refuses.
enum StorageFault: EnvironmentFailure {
    /// Nothing was done; try again later.
    case refused(Fault)
    /// Nobody knows what was done: start again.
    case unknown
}
