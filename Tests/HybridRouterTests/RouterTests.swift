import Events
import HybridRouter
import Outcomes
import Testing

@Suite struct RouterTests {
    @Test(arguments: ["5.x"]) func stepsAreOrderedLikeSections(text: String) {
        let steps: [StepNumber] = ["6", "5.10", "5", "5.2", "10"]
        #expect(steps.sorted() == ["5", "5.2", "5.10", "6", "10"])
        #expect(StepNumber(text) == nil)
    }

    private func facts(
        _ owner: Owner, legacy: StepNumber = "5", durable: StepNumber? = nil, passed: StepNumber? = nil, interrupt: Bool = false,
        handles: Bool = false, final: Bool = false, early: EarlyEvent? = .keep, gone: Bool = false
    ) -> RoutingFacts {
        RoutingFacts(
            ownership: Ownership(entity: "R-1", epoch: 2, owner: owner, step: "5.2", passed: passed), legacyStep: legacy,
            isFinal: final, durableStep: durable, early: early, isInterrupt: interrupt, legacyHandles: handles,
            isLegacyGone: gone)
    }

    @Test func legacyGetsItsOwnEvents() { #expect(Router.route(facts(.legacy)) == .legacy) }
    @Test func anEarlyEventIsParked() { #expect(Router.route(facts(.legacy, durable: "5.2", handles: true)) == .park("5.2")) }
    @Test func aStepSaysWhatBecomesOfItsEarlyEvents() {
        #expect(Router.route(facts(.legacy, durable: "5.2", early: .drop)) == .drop("5.2"))
        #expect(Router.route(facts(.legacy, durable: "5.2", early: .reject)) == .reject("5.2"))
        #expect(Router.route(facts(.legacy, durable: "5.2", early: nil)) == .legacy)
        #expect(Router.route(facts(.durable, durable: "6", early: .drop)) == .drop("6"))
        #expect(Router.route(facts(.durable, durable: "6", early: nil)) == .park("6"))
        #expect(Router.route(facts(.durable, durable: "5")) == .park(nil))
        #expect(Router.route(facts(.durable, legacy: "5.2", durable: "6", early: nil)) == .drop("6"))
        #expect(Router.route(facts(.durable, legacy: "5.2", durable: "6", handles: true, early: nil)) == .park("6"))
    }
    @Test func whatLegacyWouldDropAtABoundaryWaits() {
        func route(_ durable: StepNumber?, handles: Bool = false, interrupt: Bool = false, early: EarlyEvent? = nil) -> Route {
            var facts = facts(.legacy, durable: durable, passed: "5", interrupt: interrupt, handles: handles, early: early)
            facts.isAtBoundary = true
            return Router.route(facts)
        }
        #expect(route(nil) == .park(nil))
        #expect(route("6") == .park("6"))
        #expect(route(nil, handles: true) == .legacy)
        #expect(route("6", handles: true) == .legacy)
        #expect(route(nil, interrupt: true) == .legacy)
        #expect(route("5.2", early: .keep) == .park("5.2"))
        #expect(route("5.2", early: .drop) == .drop("5.2"))
    }
    @Test func aStepIsNotOverWhileItsEntityIsHeld() {
        var held = facts(.legacy, legacy: "5.2", durable: "5.2", passed: "5")
        #expect(Router.route(held) == .late("5.2"))
        held.isBesideSteps = true
        #expect(Router.route(held) == .park("5.2"))
        held.ownership.passed = "5.2"
        #expect(Router.route(held) == .late("5.2"))
    }
    @Test func whatLegacyWouldDropIsHeldWhileTheSegmentIsAtWork() {
        func route(durable: StepNumber, handles: Bool = false, early: EarlyEvent? = nil) -> Route {
            var facts = facts(.durable, legacy: "5.2", durable: durable, handles: handles, early: early)
            facts.isWaiting = false
            return Router.route(facts)
        }
        #expect(route(durable: "6") == .hold)
        #expect(route(durable: "6", handles: true) == .park("6"))
        #expect(route(durable: "6", early: .drop) == .drop("6"))
        #expect(route(durable: "5.2") == .signal)
        // A process that goes round may come to an earlier step next.
        #expect(route(durable: "5") == .park(nil))
        var past = facts(.durable, legacy: "5.2", durable: "5")
        (past.isLegacyAhead, past.isWaiting) = (false, false)
        #expect(Router.route(past) == .hold)
        past.isWaiting = true
        #expect(Router.route(past) == .late("5"))
        var gone = facts(.durable, durable: "5", gone: true)
        gone.isWaiting = false
        #expect(Router.route(gone) == .hold)
    }
    @Test func aLateEventGoesToWhoeverCanUseIt() {
        #expect(Router.route(facts(.legacy, legacy: "6", durable: "5.2", passed: "5.2", handles: true)) == .legacy)
        #expect(Router.route(facts(.legacy, legacy: "6", durable: "5.2", passed: "5.2")) == .late("5.2"))
        #expect(Router.route(facts(.legacy, durable: "5.2", final: true)) == .late("5.2"))
    }
    @Test func inABoundaryAPassedStepIsOverAndTheNextRoundIsAhead() {
        #expect(Router.route(facts(.legacy, legacy: "5", durable: "5.2", passed: "5.2")) == .late("5.2"))
        #expect(Router.route(facts(.legacy, legacy: "5", durable: "5.2", passed: "5")) == .park("5.2"))
    }
    @Test func aSegmentGetsItsEventsAndInterrupts() {
        #expect(Router.route(facts(.durable, durable: "5.2")) == .signal)
        #expect(Router.route(facts(.durable, interrupt: true)) == .signal)
        #expect(Router.route(facts(.durable, handles: true)) == .park(nil))
    }
    @Test func nothingWaitsForALegacyThatIsGone() {
        #expect(Router.route(facts(.durable, handles: true, gone: true)) == .ignore)
        #expect(Router.route(facts(.durable, durable: "5", gone: true)) == .late("5"))
        #expect(Router.route(facts(.durable, durable: "6", gone: true)) == .park("6"))
        #expect(Router.route(facts(.durable, interrupt: true, gone: true)) == .signal)
    }
    @Test func whatIsOverIsLateWhenLegacyIsNotAhead() {
        func late(_ ahead: Bool, handles: Bool = false) -> Route {
            var facts = facts(.durable, legacy: "5.2", durable: "5", handles: handles)
            facts.isLegacyAhead = ahead
            return Router.route(facts)
        }
        #expect(late(false) == .late("5"))
        #expect(late(true) == .park(nil))
        #expect(late(false, handles: true) == .park(nil))
    }
}
