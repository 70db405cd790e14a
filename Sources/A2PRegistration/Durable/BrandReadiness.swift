public import DurableWorkflow
public import Events
import Outcomes

/// Step 5, readiness: record the registry's own score of the brand.
public enum BrandReadiness {
    /// The events the step waits for: none.
    public static let events: Set<EventKind> = []

    /// The step.
    public static let step = DurableStep<Registration>("5", hears: events, activities: [readScore]) { stage, registration in
        try await stage.perform(readScore, &registration)
        return "BRAND_READY"
    }

    static let readScore = DurableActivity<Registration>("registry.readScore") { registration, effects in
        registration.brandScore = try await effects.read("registry.brand")["score"]?.integer ?? registration.brandScore
    }
}
