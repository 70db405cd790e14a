import Events
import LegacyStateMachine
import Outcomes
import Testing

private enum Order: String, MachineState { case OPEN, PAID, SENT, LOST }

/// The same machine with a step between paying and sending.
private enum CheckedOrder: String, MachineState { case OPEN, PAID, CHECKED, SENT, LOST }

@Suite struct MachineDiffTests {
    private static let small: MachineDescription = Machine<Order, Int>(
        name: "orders", initial: .OPEN, events: ["pay", "send", "cancel"], final: [.SENT, .LOST], steps: [.OPEN: "1", .PAID: "2"],
        transitions: [
            Transition(from: [.OPEN], on: "pay", to: [.PAID], "take the money") { _, _, _, _ in .PAID },
            Transition(from: [.PAID], on: "send", to: [.SENT], "send it") { _, _, _, _ in .SENT },
            Transition(from: [.OPEN, .PAID], on: "cancel", to: [.LOST], "give it up") { _, _, _, _ in .LOST },
        ], ignored: [Ignored(["pay"], in: [.PAID], "paid before")]
    ).description

    private static let large: MachineDescription = Machine<CheckedOrder, Int>(
        name: "orders", initial: .OPEN, events: ["pay", "check", "send", "cancel"], final: [.SENT, .LOST],
        steps: [.OPEN: "1", .PAID: "2", .CHECKED: "2"],
        transitions: [
            Transition(from: [.OPEN], on: "pay", to: [.PAID], "take the money") { _, _, _, _ in .PAID },
            Transition(from: [.PAID], on: "check", to: [.CHECKED], "look at it") { _, _, _, _ in .CHECKED },
            Transition(from: [.CHECKED], on: "send", to: [.SENT], "send it") { _, _, _, _ in .SENT },
            Transition(from: [.OPEN, .PAID, .CHECKED], on: "cancel", to: [.LOST], "give it up") { _, _, _, _ in .LOST },
        ], ignored: [Ignored(["pay"], in: [.PAID, .CHECKED], "paid before")]
    ).description

    private static let machines = [small, large]

    @Test func whatAStepInTheMiddleChanges() {
        let diff = MachineDiff(from: Self.small, to: Self.large)
        #expect(diff.statesAdded == ["CHECKED"] && diff.statesRemoved == [])
        #expect(diff.eventsAdded == ["check"] && diff.eventsRemoved == [])
        #expect(diff.rowsAdded.map(\.note) == ["look at it"] && diff.rowsRemoved == [])
        #expect(diff.rowsChanged.map(\.after.note) == ["send it", "give it up"])
        #expect(diff.statesTouched == ["PAID"])
        // The new state's four cells, the other four states' cell of the new event, and PAID, which no longer sends.
        #expect(diff.cells.count == 4 + 4 + 1)
        #expect(diff.cells.contains { $0.state == "PAID" && $0.event == "send" && $0.before == "handled" && $0.after == "undefined" })
        #expect(diff.cells(that: "handled") == 3 && diff.cells(that: "ignored") == 1)
    }

    @Test(arguments: machines) func aMachineDiffersFromItselfInNothing(machine: MachineDescription) {
        #expect(MachineDiff(from: machine, to: machine).isEmpty)
        #expect(!MachineDiff(from: Self.small, to: Self.large).isEmpty)
    }

    /// A random change of rows, targets and states of a machine.
    private static func changed(_ machine: MachineDescription, _ random: inout SeededRandom) -> MachineDescription {
        var machine = machine
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let index = Int.random(in: machine.rows.indices, using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0 where machine.rows.count > 1: machine.rows.remove(at: index)
            case 1: machine.rows.append(machine.rows[index])
            case 2: machine.rows[index].note += "!"
            case 3: machine.rows[index].to = machine.states.filter { _ in random.chance(0.4) }
            case 4: machine.rows[index].from = machine.states.filter { _ in random.chance(0.4) }
            default: machine.rows[index].event = machine.events.randomElement(using: &random) ?? "pay"
            }
        }
        let kinds = ["handled", "ignored", "undefined"]
        for index in machine.matrix.indices where random.chance(0.2) {
            machine.matrix[index].kind = kinds.randomElement(using: &random) ?? "handled"
        }
        return machine
    }

    /// What comes in one way goes out the other way, and what was there, what comes and what goes add up to what is there.
    @Test(arguments: 0..<200) func addedAndRemovedSwap(seed: Int) {
        var random = SeededRandom(seed: UInt64(seed), label: "machines")
        let first = Self.changed(Bool.random(using: &random) ? Self.small : Self.large, &random)
        let second = Self.changed(Bool.random(using: &random) ? Self.small : Self.large, &random)
        let (forth, back) = (MachineDiff(from: first, to: second), MachineDiff(from: second, to: first))
        #expect(forth.statesAdded == back.statesRemoved && forth.statesRemoved == back.statesAdded)
        #expect(forth.eventsAdded == back.eventsRemoved && forth.eventsRemoved == back.eventsAdded)
        #expect(forth.rowsAdded == back.rowsRemoved && forth.rowsRemoved == back.rowsAdded)
        #expect(forth.arrowsAdded == back.arrowsRemoved && forth.arrowsRemoved == back.arrowsAdded)
        #expect(Set(forth.rowsChanged.map { [$0.before, $0.after] }) == Set(back.rowsChanged.map { [$0.after, $0.before] }))
        let words = { (cell: MachineDiff.Cell, isForth: Bool) in
            [cell.state, cell.event.rawValue] + (isForth ? [cell.before, cell.after] : [cell.after, cell.before])
        }
        #expect(Set(forth.cells.map { words($0, true) }) == Set(back.cells.map { words($0, false) }))
        #expect(second.states.count == first.states.count + forth.statesAdded.count - forth.statesRemoved.count)
        #expect(second.rows.count == first.rows.count + forth.rowsAdded.count - forth.rowsRemoved.count)
        let (come, gone) = (forth.cells.count { $0.before == nil }, forth.cells.count { $0.after == nil })
        #expect(second.matrix.count == first.matrix.count + come - gone)
        #expect(MachineDiff(from: first, to: first).isEmpty)
    }

    @Test func linesOfAFile() {
        let file = TouchedFile("a.swift", before: "one\ntwo\nthree\n", after: "one\n2\nthree\nfour\n")
        #expect(file.added == 2 && file.removed == 1)
        let new = TouchedFile("b.swift", before: nil, after: "one\n\ntwo\n")
        #expect(new.added == 3 && new.removed == 0)
        let same = TouchedFile("c.swift", before: "one\n", after: "one\n")
        #expect(same.added == 0 && same.removed == 0)
    }

    @Test(arguments: machines) func anExtensionIsReadAsWritten(machine: MachineDescription) throws {
        let file = TouchedFile("a.swift", before: nil, after: "one\n")
        let written = MachineExtension(step: "1.5", machine: machine, legacy: [file], durable: [])
        #expect(try MachineExtension(parsing: try written.text) == written)
        #expect(throws: (any Error).self) { try MachineExtension(parsing: "{}") }
    }
}
