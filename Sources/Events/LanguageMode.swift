// A misspelt upcoming feature is accepted in silence by the compiler, so each one the manifest asks for is proved here.

#if !hasFeature(ExistentialAny)
    #error("ExistentialAny is off: check upcomingFeatures in Package.swift")
#endif
#if !hasFeature(InternalImportsByDefault)
    #error("InternalImportsByDefault is off: check upcomingFeatures in Package.swift")
#endif
#if !hasFeature(MemberImportVisibility)
    #error("MemberImportVisibility is off: check upcomingFeatures in Package.swift")
#endif
#if !hasFeature(InferIsolatedConformances)
    #error("InferIsolatedConformances is off: check upcomingFeatures in Package.swift")
#endif
#if !hasFeature(NonisolatedNonsendingByDefault)
    #error("NonisolatedNonsendingByDefault is off: check upcomingFeatures in Package.swift")
#endif
#if !hasFeature(ImmutableWeakCaptures)
    #error("ImmutableWeakCaptures is off: check upcomingFeatures in Package.swift")
#endif
