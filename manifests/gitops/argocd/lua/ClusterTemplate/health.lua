return health_of_conditions()
