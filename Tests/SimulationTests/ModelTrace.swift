import Events
import HybridRouter
import Outcomes

/// A move as the model of the hand-off makes it, see `Model/handoff.pml`.
struct ModelMove: Hashable, CustomStringConvertible {
    /// The kinds, with the numbers that they have in the model.
    enum Kind: Int {
        case handled = 1
        case ignored, parked, held, signalled, late, dropped, used
        case to, completed, handedOff, handedBack, interrupted, recalled, continued, entered, wentOn, ended, swept

        static let lastOfRow = Kind.used
    }

    let kind: Kind
    /// A row, a state, a step with its visit, or 0.
    var thing = 0

    /// The number that the model knows it by.
    var number: Int { kind.rawValue * 16 + thing }

    var description: String { "\(kind) \(thing)" }
}

/// The moves of one entity, as the model makes them.
struct ModelTrace: Hashable, Comparable {
    var moves: [ModelMove] = []

    static func < (left: ModelTrace, right: ModelTrace) -> Bool {
        left.moves.map(\.number).lexicographicallyPrecedes(right.moves.map(\.number))
    }

    init(_ moves: [ModelMove]) { self.moves = moves }

    /// What a journal of ``ThreeSteps`` is to the model. Throws when it has a move that the model does not know.
    init(_ journal: [JournalEntry], _ shape: ThreeSteps.Shape) throws {
        var projection = ModelProjection(count: ThreeSteps.count(shape))
        for entry in journal { try projection.add(entry) }
        moves = projection.moves
    }
}

/// A move of the code that the model does not have.
struct UnknownToModel: Error, CustomStringConvertible {
    let move: Move
    var description: String { "expected a move that the model has, found \(move)" }
}

private struct ModelProjection {
    /// How many events there are: the rows after them are the interrupt, the timer and what starts the next step.
    let count: Int
    var moves: [ModelMove] = []
    private var used: Set<Int> = []
    private var rows: [Int: Int] = [:]

    init(count: Int) { self.count = count }

    mutating func add(_ entry: JournalEntry) throws {
        if let row = entry.move.row { return try add(row, entry.move) }
        switch entry.move {
        case .born, .performed: break
        // Where legacy is, its handling says; when durable code waits somewhere, this says so.
        case .entered(_, let state, _): if entry.owner == .durable { add(.entered, try number(of: state)) }
        case .completed(let step, let visit, _): add(.completed, (Int(step.description) ?? 0) + 4 * (visit - 1))
        case .interrupted: add(.interrupted)
        case .handedOff: add(.handedOff)
        case .handedBack: add(.handedBack)
        case .recalled: add(.recalled)
        case .continued: add(.continued)
        case .wentOn: add(.wentOn)
        case .ended: add(.ended)
        case .swept: add(.swept)
        default: throw UnknownToModel(move: entry.move)
        }
        for row in entry.move.used where used.insert(row).inserted { add(.used, rows[row] ?? 15) }
    }

    private mutating func add(_ reference: RowReference, _ move: Move) throws {
        guard let row = row(reference.kind) else { return }
        rows[reference.sequence] = row
        switch move {
        case .retried: break
        case .handled(_, let from, let to) where from != to:
            add(.handled, row)
            add(.to, try number(of: to))
        case .handled, .ignored, .undefined: add(.ignored, row)
        case .parked: add(.parked, row)
        case .held: add(.held, row)
        case .signalled: add(.signalled, row)
        case .late: add(.late, row)
        case .dropped: add(.dropped, row)
        default: throw UnknownToModel(move: move)
        }
    }

    private mutating func add(_ kind: ModelMove.Kind, _ thing: Int = 0) { moves.append(ModelMove(kind: kind, thing: thing)) }

    /// The model's row; nil for the event by which an entity comes to be, which the model does not have.
    private func row(_ kind: EventKind) -> Int? {
        switch kind {
        case ThreeSteps.opened: nil
        case ThreeSteps.interrupt: count
        case ThreeSteps.timer: count + 1
        case .continue: count + 2
        default: Int(kind.rawValue.dropFirst())
        }
    }

    private func number(of state: String) throws -> Int {
        guard let known = ThreeSteps.State(rawValue: state), let number = ThreeSteps.State.allCases.firstIndex(of: known) else {
            throw TraceError("expected a state of the three steps, found \(state)")
        }
        return number
    }
}
