// crash-points recorded|live DATABASE PARTIES [POINT]
//
// Plays the workload on DATABASE from where it stands, in virtual time or as a live service with 64 lanes; kills itself at POINT and leaves its description in DATABASE.killed, or plays
// to the end and leaves all points in DATABASE.points. PARTIES is what the outside does with a key that it knows, see PartyKind.

import A2PApp
import A2PRegistration
import Bridge
import Commands
import FoundationEssentials
import HybridRouter
import Outcomes
import SQLiteStorage
import Synchronization

/// What an operator in the middle of a call needs: the bridge, once there is one, and the moment of the story.
private final class Desk: Sendable {
    let bridge = Mutex<Operator.Registrations?>(nil)
    let now = Mutex(Workload.moment(0, 9))
}

private func play(_ database: String, _ parties: PartyKind, fatal: Int?) async throws {
    let points = CrashPoints(fatal: fatal, epitaph: database + ".killed")
    let desk = Desk()
    let staff = Operator()
    let last = EffectKey(entity: Workload.overtaken, step: "5.2", operation: "vetting.order")
    var options = A2POptions(mode: .hybrid, plan: try Workload.plan(), database: database, steps: Workload.steps)
    options.parties = parties
    options.run.ports = .numbered(points) { parties in
        OvertakenCalls(base: parties, key: last) {
            guard let bridge = desk.bridge.withLock({ $0 }) else { return }
            try await staff.recall(last.entity, at: desk.now.withLock { $0 }, on: bridge)
        }
    }
    let run = try A2PRun(options, durability: .everyCommit)
    desk.bridge.withLock { $0 = run.bridge }
    // Whoever starts a process again has found out before what became of the calls that the last one had begun: as soon as that, or
    // the answer comes later than it came to a process that was not killed, and what a registration comes to depends on the hour.
    if parties == .neither, try await run.settleLeftEffects().contains(last), let now = try await run.bridge.store.clock() {
        try await staff.recall(last.entity, at: now, on: run.bridge)
    }
    try await run.play(
        Workload.lines, groupSize: 1,
        operate: { now in
            desk.now.withLock { $0 = now }
            try await staff.act(at: now, on: run.bridge)
            if parties == .neither { _ = try await run.settleEffects(at: now) }
        })
    let text = points.points.map(\.description).joined(separator: "\n")
    try Data(text.utf8).write(to: URL(filePath: database + ".points"))
}

let arguments = Array(CommandLine.arguments.dropFirst())
guard arguments.count > 2, let parties = PartyKind(rawValue: arguments[2]) else {
    fatalError("expected crash-points recorded|live DATABASE PARTIES [POINT], found \(arguments.joined(separator: " "))")
}
let fatal = arguments.count > 3 ? Int(arguments[3]) : nil
switch arguments[0] {
case "live": try await LiveWorkload.play(arguments[1], parties, fatal: fatal)
default: try await play(arguments[1], parties, fatal: fatal)
}
