package import Lockstep

// A provisioning machine of the size that teams have: how a bare metal node goes from enrolment over cleaning and deployment to its user,
// back, and round again. States and verbs are those of OpenStack Ironic's documentation.

package enum NodeState: String, MachineState {
    case ENROLL, VERIFYING, MANAGEABLE, INSPECTING, INSPECT_WAIT, INSPECT_FAILED, ADOPTING, ADOPT_FAILED
    case CLEANING, CLEAN_WAIT, CLEAN_HOLD, CLEAN_FAILED
    case AVAILABLE, DEPLOYING, DEPLOY_WAIT, DEPLOY_HOLD, DEPLOY_FAILED
    case ACTIVE, RESCUING, RESCUE_WAIT, RESCUE, RESCUE_FAILED, UNRESCUING, UNRESCUE_FAILED
    case SERVICING, SERVICE_WAIT, SERVICE_HOLD, SERVICE_FAILED, DELETING, ERROR
}

package struct Node: Codable, Sendable {
    package var cleanings = 0
    package var lastProblem = ""

    package init() {}
}

private typealias Row = Transition<NodeState, Node>

private func row(_ from: [NodeState], _ verb: EventKind, _ to: NodeState) -> Row {
    Row(from: from, on: verb, to: [to], verb.rawValue) { _, _, _, _ in to }
}

/// A verb that makes the agent do something.
private func row(_ from: [NodeState], _ verb: EventKind, _ to: NodeState, _ operation: String, step: StepNumber) -> Row {
    Row(from: from, on: verb, to: [to], verb.rawValue) { _, _, _, context in
        try await context.effects.perform(operation, step: step)
        return to
    }
}

package let verbs: [EventKind] = [
    "enroll", "manage", "provide", "inspect", "clean", "adopt", "deploy", "rebuild", "delete", "rescue", "unrescue", "service", "done",
    "fail", "wait", "resume", "abort", "hold", "unhold",
]

package let nodeMachine = Machine<NodeState, Node>(
    name: "bare-metal", initial: .ENROLL, events: verbs, final: [], steps: steps, transitions: enrolment + cleaning + deployment + use)

private let steps: [NodeState: StepNumber] = Dictionary(
    uniqueKeysWithValues: NodeState.allCases.map { state in
        switch state {
        case .ENROLL, .VERIFYING, .MANAGEABLE, .INSPECTING, .INSPECT_WAIT, .INSPECT_FAILED, .ADOPTING, .ADOPT_FAILED: (state, "1")
        case .CLEANING, .CLEAN_WAIT, .CLEAN_HOLD, .CLEAN_FAILED: (state, "2")
        case .AVAILABLE, .DEPLOYING, .DEPLOY_WAIT, .DEPLOY_HOLD, .DEPLOY_FAILED: (state, "3")
        default: (state, "4")
        }
    })

private let enrolment = [
    row([.ENROLL], "enroll", .ENROLL), row([.ENROLL], "manage", .VERIFYING, "agent.verify", step: "1"),
    row([.VERIFYING], "done", .MANAGEABLE), row([.VERIFYING], "fail", .ENROLL),
    row([.MANAGEABLE, .INSPECT_FAILED], "inspect", .INSPECTING, "agent.inspect", step: "1"), row([.INSPECTING], "done", .MANAGEABLE),
    row([.INSPECTING], "wait", .INSPECT_WAIT), row([.INSPECTING, .INSPECT_WAIT], "fail", .INSPECT_FAILED),
    row([.INSPECT_WAIT], "done", .MANAGEABLE), row([.INSPECT_WAIT], "abort", .INSPECT_FAILED),
    row([.INSPECT_FAILED, .CLEAN_FAILED, .ADOPT_FAILED, .AVAILABLE], "manage", .MANAGEABLE),
    row([.MANAGEABLE, .ADOPT_FAILED], "adopt", .ADOPTING), row([.ADOPTING], "done", .ACTIVE), row([.ADOPTING], "fail", .ADOPT_FAILED),
]

private let cleaning = [
    row([.MANAGEABLE], "provide", .CLEANING), row([.MANAGEABLE], "clean", .CLEANING), row([.CLEANING], "wait", .CLEAN_WAIT),
    row([.CLEAN_WAIT], "resume", .CLEANING, "agent.cleanStep", step: "2"), row([.CLEANING], "done", .AVAILABLE),
    row([.CLEANING, .CLEAN_WAIT, .CLEAN_HOLD], "fail", .CLEAN_FAILED), row([.CLEAN_WAIT, .CLEAN_HOLD], "abort", .CLEAN_FAILED),
    row([.CLEANING, .CLEAN_WAIT], "hold", .CLEAN_HOLD), row([.CLEAN_HOLD], "unhold", .CLEAN_WAIT),
]

private let deployment = [
    row([.AVAILABLE, .DEPLOY_FAILED], "deploy", .DEPLOYING, "agent.deploy", step: "3"), row([.DEPLOYING], "wait", .DEPLOY_WAIT),
    row([.DEPLOY_WAIT], "resume", .DEPLOYING), row([.DEPLOYING], "done", .ACTIVE),
    row([.DEPLOYING, .DEPLOY_WAIT, .DEPLOY_HOLD], "fail", .DEPLOY_FAILED), row([.DEPLOYING, .DEPLOY_WAIT], "hold", .DEPLOY_HOLD),
    row([.DEPLOY_HOLD], "unhold", .DEPLOY_WAIT), row([.ACTIVE, .DEPLOY_FAILED, .ERROR], "rebuild", .DEPLOYING),
    row([.ACTIVE, .DEPLOY_WAIT, .DEPLOY_FAILED, .ERROR, .RESCUE, .RESCUE_FAILED], "delete", .DELETING, "agent.erase", step: "4"),
]

private let use = [
    row([.DELETING], "done", .CLEANING), row([.DELETING], "fail", .ERROR), row([.ACTIVE, .RESCUE_FAILED], "rescue", .RESCUING),
    row([.RESCUING], "wait", .RESCUE_WAIT), row([.RESCUE_WAIT], "resume", .RESCUING), row([.RESCUING], "done", .RESCUE),
    row([.RESCUING, .RESCUE_WAIT], "fail", .RESCUE_FAILED), row([.RESCUE_WAIT], "abort", .RESCUE_FAILED),
    row([.RESCUE, .RESCUE_FAILED, .UNRESCUE_FAILED], "unrescue", .UNRESCUING), row([.UNRESCUING], "done", .ACTIVE),
    row([.UNRESCUING], "fail", .UNRESCUE_FAILED), row([.ACTIVE, .SERVICE_FAILED], "service", .SERVICING),
    row([.SERVICING], "wait", .SERVICE_WAIT), row([.SERVICE_WAIT], "resume", .SERVICING), row([.SERVICING], "done", .ACTIVE),
    row([.SERVICING, .SERVICE_WAIT, .SERVICE_HOLD], "fail", .SERVICE_FAILED), row([.SERVICE_WAIT], "abort", .SERVICE_FAILED),
    row([.SERVICING, .SERVICE_WAIT], "hold", .SERVICE_HOLD), row([.SERVICE_HOLD], "unhold", .SERVICE_WAIT),
]
