package workload

import "lanyard.dev/capnp"

// fillLot writes up to 199 cars and returns their worth.
func fillLot(m *capnp.MessageBuilder, r *random) uint64 {
	lot := NewRootLot(m)
	for _, car := range lot.NewCars(int(r.below(200))).All() {
		fillCar(car, r)
	}
	return price(capnp.View[Lot](lot))
}

func fillCar(car CarBuilder, r *random) {
	makes := [...]string{"Toyota", "GM", "Ford", "Honda", "Tesla"}
	models := [...]string{"Camry", "Prius", "Volt", "Accord", "Leaf", "Model S"}
	car.SetMake(makes[r.below(uint32(len(makes)))])
	car.SetModel(models[r.below(uint32(len(models)))])
	car.SetColor(CarColor(r.below(uint32(CarColorSilver) + 1)))
	car.SetSeats(uint8(2 + r.below(6)))
	car.SetDoors(uint8(2 + r.below(3)))
	for _, wheel := range car.NewWheels(4).All() {
		wheel.SetDiameter(uint16(25 + r.below(15)))
		wheel.SetAirPressure(float32(30 + r.upTo(20)))
		wheel.SetSnowTires(r.below(16) == 0)
	}
	car.SetLength(uint16(170 + r.below(150)))
	car.SetWidth(uint16(48 + r.below(36)))
	car.SetHeight(uint16(54 + r.below(48)))
	car.SetWeight(uint32(car.Length()) * uint32(car.Width()) * uint32(car.Height()) / 200)
	engine := car.NewEngine()
	engine.SetHorsepower(uint16(100 * r.below(400)))
	engine.SetCylinders(uint8(4 + 2*r.below(3)))
	engine.SetDisplacement(800 + r.below(10000))
	engine.SetUsesGas(true)
	engine.SetUsesElectric(r.coin())
	car.SetFuelCapacity(float32(10 + r.upTo(30)))
	car.SetFuelLevel(float32(r.upTo(float64(car.FuelCapacity()))))
	car.SetPowerWindows(r.coin())
	car.SetPowerSteering(r.coin())
	car.SetCruiseControl(r.coin())
	car.SetCupHolders(uint8(r.below(12)))
	car.SetNavigation(r.coin())
}

func price(lot Lot) (sum uint64) {
	for _, car := range lot.Cars().All() {
		sum += carPrice(car)
	}
	return sum
}

func carPrice(car Car) uint64 {
	sum := 200*uint64(car.Seats()) + 350*uint64(car.Doors())
	for _, wheel := range car.Wheels().All() {
		d := uint64(wheel.Diameter())
		sum += d*d + when(wheel.SnowTires(), 100)
	}
	sum += uint64(car.Length()) * uint64(car.Width()) * uint64(car.Height()) / 50
	engine := car.Engine()
	sum += 40 * uint64(engine.Horsepower())
	if engine.UsesElectric() {
		sum += 3000 + when(engine.UsesGas(), 2000)
	}
	return sum + when(car.PowerWindows(), 100) + when(car.PowerSteering(), 200) +
		when(car.CruiseControl(), 400) + when(car.Navigation(), 2000) + 25*uint64(car.CupHolders())
}

func when(cond bool, n uint64) uint64 {
	if cond {
		return n
	}
	return 0
}

func appraise(req *capnp.Message, res *capnp.MessageBuilder) {
	NewRootWorth(res).SetAmount(price(capnp.Root[Lot](req)))
}

func worth(res *capnp.Message) (got, sum uint64) {
	amount := capnp.Root[Worth](res).Amount()
	return amount, amount
}
